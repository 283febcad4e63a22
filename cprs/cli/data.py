"""`cprs data`: question sets from public files and from code, for training and measuring."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.console import say
from cprs.cli.output import check_writable
from cprs.errors import OptionError, unknown
from cprs.train.sets.write import write_documents

data_app = typer.Typer(no_args_is_help=True, help="Make question sets for training and measuring.")


@data_app.callback()
def _data() -> None: ...


@data_app.command(
    epilog="""\b
Examples:
  cprs data convert --from squad dev-v2.0.json --out squad.jsonl.gz
  cprs data convert --from hotpotqa hotpot_dev_distractor_v1.json --out hotpotqa.jsonl.gz
"""
)
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The public set's file.")],
    format: Annotated[
        str,
        typer.Option(
            "--from", metavar="FORMAT", help="squad, hotpotqa, 2wiki, musique, cuad or qasper."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT", help="NAME.jsonl or NAME.jsonl.gz.")],
) -> None:
    """Convert a public question set to cprs's format (docs/data.md)."""
    from cprs.train.convert import convert as documents_of

    check_writable(str(out))
    if out.exists() and file.exists() and os.path.samefile(file, out):
        raise OptionError(f"{out}: this is the file to read; name another to write")
    notes: list[str] = []
    documents, questions = write_documents(out, documents_of(format, file, note=notes.append))
    rows = [("written", f"{out}: {documents} documents, {questions} questions")]
    if notes:
        rows.append(("left out", f"{len(notes)}, the first: {notes[0]}"))
    say(rows)


@data_app.command(
    epilog="""\b
Examples:
  cprs data tasks --task needle --count 100 --length 8000 --out needle.jsonl.gz
  cprs data tasks --count 50 --length 20000 --out sets/
"""
)
def tasks(
    out: Annotated[
        Path,
        typer.Option("--out", metavar="OUT", help="NAME.jsonl(.gz), or a folder: a file a task."),
    ],
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task", "-t", metavar="NAME", help="Repeatable; all (docs/data.md) if none."
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", metavar="N", help="Documents of each task.")
    ] = 100,
    length: Annotated[
        int, typer.Option("--length", metavar="N", help="Characters of each, give or take 5 %.")
    ] = 8_000,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Of the drawing.")] = 0,
    depth: Annotated[
        float | None,
        typer.Option("--depth", metavar="D", help="Of evidence, 0 to 1; spread evenly if none."),
    ] = None,
    haystack: Annotated[
        Path | None,
        typer.Option("--haystack", metavar="PATH", help="Text around it: a file, or a folder."),
    ] = None,
) -> None:
    """Make synthetic tasks: needles, pass keys, key-value pairs, lines, labels, ..."""
    from cprs.train.sets.data import ENDINGS
    from cprs.train.tasks import TASKS, Haystack, make_documents

    names = list(dict.fromkeys(task or TASKS))
    for name in names:
        if name not in TASKS:
            raise unknown("task", name, list(TASKS))
    hay = Haystack() if haystack is None else Haystack.read(haystack)
    if out.name.endswith(ENDINGS):
        files = {out: names}
    else:
        files = {out / f"{name}.jsonl.gz": [name] for name in names}
        if out.exists() and not out.is_dir():
            raise OptionError(f"{out}: name a folder, or a file NAME.jsonl or NAME.jsonl.gz")
    rows = []
    for path, wanted in files.items():
        documents = make_documents(
            wanted, seed=seed, count=count, length=length, haystack=hay, depth=depth
        )
        if path is not out:
            out.mkdir(parents=True, exist_ok=True)
        check_writable(str(path))
        made, questions = write_documents(path, documents)
        rows.append(("written", f"{path}: {made} documents, {questions} questions"))
    say(rows)
