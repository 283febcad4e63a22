"""`cprs eval needles` and `cprs eval empty`: long texts with a little in them, and with nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cprs.cli.output import write_stdout
from cprs.errors import CprsError, OptionError, TextError

if TYPE_CHECKING:
    from cprs.train.tasks.haystack import Haystack

NEEDLES_EXAMPLES = """\b
Examples:
  cprs eval needles --tokens 8000 --tokens 128000
  cprs eval needles --task passkey --task key_value --haystack novel.txt --least 1
"""
EMPTY_EXAMPLE = """\b
Example:
  cprs eval empty --tokens 128000 --haystack novel.txt --most 0.005
"""

_Critics = Annotated[
    list[str] | None,
    typer.Option("--critic", "-c", metavar="NAME", help="Repeatable; embedded if none."),
]
_Tokens = Annotated[
    list[int] | None,
    typer.Option(
        "--tokens",
        "-n",
        metavar="N",
        help="Length; repeatable; 8000 128000 512000 2000000 if none.",
    ),
]
_Hay = Annotated[
    Path | None,
    typer.Option("--haystack", metavar="PATH", help="The text: a file, or a folder; else made up."),
]
_Seed = Annotated[int, typer.Option("--seed", metavar="S", help="Of the drawing.")]
_Hops = Annotated[int, typer.Option("--hops", metavar="N", help="As in compress.")]
_Effort = Annotated[
    str | None, typer.Option("--effort", "-e", metavar="E", help="As in compress: fast, thorough.")
]
_Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="List what went wrong.")]
_Json = Annotated[bool, typer.Option("--json", help="Everything as JSON.")]


def needles(
    critic: _Critics = None,
    tokens: _Tokens = None,
    ratio: Annotated[
        float, typer.Option("--ratio", "-r", metavar="R", help="Tokens in / tokens out.")
    ] = 100.0,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "-t", metavar="NAME", help="Only these; repeatable; all if none."),
    ] = None,
    depths: Annotated[
        int, typer.Option("--depths", metavar="N", help="From the start to the end.")
    ] = 11,
    haystack: _Hay = None,
    hops: _Hops = 1,
    effort: _Effort = None,
    seed: _Seed = 0,
    least: Annotated[
        float | None,
        typer.Option("--least", metavar="S", help="Fail where a task and length keeps less."),
    ] = None,
    verbose: _Verbose = False,
    json: _Json = False,
) -> None:
    """Hide needles in long text and say how many depths of each task are kept."""
    from cprs.train.measure.needles import TOKENS, find_needles
    from cprs.train.measure.needles_report import NeedleReport

    _share("--least", least)
    with _progress() as show:
        outcomes = find_needles(
            _load(critic),
            tokens=tokens or TOKENS,
            ratio=ratio,
            depths=depths,
            seed=seed,
            haystack=_haystack(haystack),
            tasks=task or (),
            progress=show,
            **_options(hops, effort),
        )
    report = NeedleReport(tuple(outcomes))
    write_stdout(((report.json() if json else report.text(verbose=verbose)) + "\n").encode())
    if least is not None and report.least < least:
        raise CprsError(f"{report.least:.3f} of the depths kept where it is worst, not {least:g}")


def empty(
    critic: _Critics = None,
    tokens: _Tokens = None,
    question: Annotated[
        list[str] | None,
        typer.Option("--question", "-q", metavar="TEXT", help="Repeatable; 20 of our own if none."),
    ] = None,
    haystack: _Hay = None,
    hops: _Hops = 1,
    effort: _Effort = None,
    seed: _Seed = 0,
    most: Annotated[
        float | None,
        typer.Option("--most", metavar="S", help="Fail where a length keeps more on average."),
    ] = None,
    verbose: _Verbose = False,
    json: _Json = False,
) -> None:
    """Ask long text what it does not answer and say how much is kept all the same."""
    from cprs.train.measure.empty import QUESTIONS, EmptyReport, keep_of_nothing
    from cprs.train.measure.needles import TOKENS

    _share("--most", most)
    with _progress() as show:
        kept = keep_of_nothing(
            _load(critic),
            tokens=tokens or TOKENS,
            questions=question or QUESTIONS,
            seed=seed,
            haystack=_haystack(haystack),
            progress=show,
            **_options(hops, effort),
        )
    report = EmptyReport(tuple(kept))
    write_stdout(((report.json() if json else report.text(verbose=verbose)) + "\n").encode())
    if most is not None and report.most > most:
        raise CprsError(f"{report.most:.3%} kept on average where it is worst, not {most:.3%}")


def _load(names: list[str] | None) -> list[Any]:
    from cprs.critics import load_critic

    return [load_critic(name) for name in names or ["embedded"]]


def _options(hops: int, effort: str | None) -> dict[str, Any]:
    return {"hops": hops} | ({} if effort is None else {"effort": effort})


def _haystack(path: Path | None) -> Haystack | None:
    from cprs.train.tasks.haystack import Haystack

    if path is None:
        return None
    if not path.exists():
        raise TextError(f"{path}: no such file or folder")
    return Haystack.read(path)


def _share(option: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        raise OptionError(f"{option} is a share, 0 to 1, got {value:g}")


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Where the work is, on a terminal; nothing elsewhere."""
    console = Console(stderr=True, highlight=False)
    with console.status("", spinner="line") as status:

        def show(line: str) -> None:
            if console.is_terminal:
                status.update(line)

        yield show
