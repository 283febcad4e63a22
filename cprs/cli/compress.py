"""`cprs compress`: texts and a question in, the part that answers it out."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from cprs.cli import render
from cprs.cli.console import facts_of, facts_of_skipped, follow, progress_bar, say
from cprs.cli.output import check_writable, write_files, write_stdout
from cprs.errors import OptionError
from cprs.files import STDIN, read_sources
from cprs.request import Request

EXAMPLES = """\b
Examples:
  cprs compress report.txt -q "Who chaired the meeting?" --budget 2000
  cprs compress src/ -q "Where are retries decided?" --ratio 50 --html kept.html
  journalctl | cprs compress -i "Keep every error. Tag them with 'error'." --granularity line
  cprs compress a.md b.md -q "What changed in May?" --budget 4000 --json | jq .spans

\b
The text goes to stdout, the numbers to stderr. Exit codes: cprs --help.
"""
_WHAT, _HOW_MUCH, _HOW, _OUT = "What to keep", "How much", "How", "Where to"


def compress(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|DIR|-",
            show_default=False,
            help="What to read; several share one budget. Nothing, or -: standard input.",
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            "--query", "-q", metavar="Q", help="The question to answer.", rich_help_panel=_WHAT
        ),
    ] = None,
    instruction: Annotated[
        str | None,
        typer.Option(
            "--instruction",
            "-i",
            metavar="I",
            help="What to keep, in words.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            "-l",
            metavar="L",
            help="A tag for kept spans; repeatable.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    hops: Annotated[
        int,
        typer.Option(
            "--hops",
            metavar="N",
            help="2: the best evidence joins the question and all is read again.",
            rich_help_panel=_WHAT,
        ),
    ] = 1,
    effort: Annotated[
        str,
        typer.Option(
            "--effort",
            "-e",
            metavar="E",
            help="fast reads the likeliest sixth, thorough all; auto: by length and question.",
            rich_help_panel=_HOW,
        ),
    ] = "auto",
    budget: Annotated[
        int | None,
        typer.Option(
            "--budget", "-b", metavar="N", help="Tokens at most.", rich_help_panel=_HOW_MUCH
        ),
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(
            "--ratio",
            "-r",
            metavar="R",
            help="So many times shorter: 16 keeps 1/16.",
            rich_help_panel=_HOW_MUCH,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            "-t",
            metavar="P",
            help="The least score to keep, 0 to 1. Without any of the three: the critic's own.",
            rich_help_panel=_HOW_MUCH,
        ),
    ] = None,
    target_model: Annotated[
        str | None,
        typer.Option(
            "--target-model",
            metavar="MODEL",
            help="Count tokens as this model does (a name, or a tokenizer.json).",
            rich_help_panel=_HOW_MUCH,
        ),
    ] = None,
    granularity: Annotated[
        str | None,
        typer.Option(
            "--granularity",
            "-g",
            metavar="G",
            help="Keep or drop by sentence, line, paragraph...; cprs formats lists them.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="F",
            help="Take the text as json, python, markdown...; detected when not given.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding", metavar="E", help="Of files that are not UTF-8.", rich_help_panel=_HOW
        ),
    ] = None,
    critic: Annotated[
        str,
        typer.Option(
            "--critic",
            "-c",
            metavar="NAME",
            help="Who judges; cprs critics lists them.",
            rich_help_panel=_HOW,
        ),
    ] = "embedded",
    device: Annotated[
        str,
        typer.Option(
            "--device", metavar="D", help="What the critic runs on.", rich_help_panel=_HOW
        ),
    ] = "cpu",
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="OUT", help="A file, not stdout.", rich_help_panel=_OUT
        ),
    ] = None,
    html: Annotated[
        str | None,
        typer.Option(
            "--html",
            metavar="OUT",
            help="Also a page: what was kept, by score, and what was dropped, folded.",
            rich_help_panel=_OUT,
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="JSON, with every span's place and score.", rich_help_panel=_OUT
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No numbers on stderr.", rich_help_panel=_OUT)
    ] = False,
) -> None:
    """Keep what answers a question, drop the rest.

    Everything kept is a verbatim piece of what was read, in its order. Several files or a folder
    share one budget, and each file's part follows a line "==> path <==".
    """
    from cprs import Compressor  # only now: --help stays quick

    options: dict[str, Any] = {
        "query": _readable("--query", query),
        "instruction": _readable("--instruction", instruction),
        "labels": label or None,
        "granularity": granularity,
        "budget": budget,
        "ratio": ratio,
        "threshold": threshold,
        "hops": hops,
        "effort": effort,
    }
    Request.of(["a text"], **options)  # bad options are said before anything is read
    _check_outputs(output, html)
    if not paths and sys.stdin is not None and sys.stdin.isatty():
        raise OptionError("nothing to read: name files or folders, or pipe a text in")
    sources = read_sources(paths or [STDIN], encoding=encoding)

    compressor = Compressor(critic, device=device, target_model=target_model)
    with progress_bar(shown=not quiet) as show:
        result = follow(
            compressor.iterate(
                [source.text for source in sources.files],
                formats=format,
                filenames=[None if f.name == STDIN else f.name for f in sources.files],
                **options,
            ),
            show,
        )

    data = render.as_json(sources, result, query) if json else render.as_text(sources, result)
    files: dict[str, bytes] = {}
    if html is not None:
        from cprs.report import report

        files[html] = report(sources.files, result, query=query or instruction or "")
    if output is not None and output != STDIN:
        files[output] = data
    write_files(files)
    if output is None or output == STDIN:
        write_stdout(data)
    if not quiet:
        say([*facts_of(result), *facts_of_skipped(sources.skipped)])


def _readable(option: str, text: str | None) -> str | None:
    """Bytes of an argument that are no UTF-8 arrive as lone surrogates."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise OptionError(f"{option} is not valid UTF-8") from None
    return text


def _check_outputs(output: str | None, html: str | None) -> None:
    if html == STDIN or (html is not None and html == output):
        raise OptionError("--html needs a file of its own")
    for path in (output, html):
        if path is not None and path != STDIN:
            check_writable(path)
