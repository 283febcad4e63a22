"""`cprs l1 data`: examples from public sets, by length, and made up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.console import say
from cprs.errors import OptionError
from cprs.l1.extras import require

data_app = typer.Typer(no_args_is_help=True, help="Examples to train and evaluate on, as JSONL.")

Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="The JSONL file to write.")]


@data_app.command()
def convert(
    name: Annotated[str, typer.Argument(metavar="SET", help="docmath, frames, musique, ...")],
    out: Out,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", metavar="FILE", help="The set's own file; repeatable."),
    ] = None,
    hub: Annotated[
        str | None,
        typer.Option("--hub", metavar="NAME[:CONFIG]", help="Load it by `datasets` instead."),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="With --hub: which part.")] = "test",
    corpus: Annotated[
        Path | None, typer.Option("--corpus", metavar="FILE", help="MultiHopRAG's articles.")
    ] = None,
    supporting: Annotated[
        bool, typer.Option("--supporting", help="Only texts that bear on the question.")
    ] = False,
) -> None:
    """Bring a public set into examples, with its gold answers."""
    from cprs.l1.data.convert import convert as converted
    from cprs.l1.data.multihop import corpus_of
    from cprs.l1.data.rows import hub_rows, read_rows
    from cprs.l1.example import write_examples

    if (hub is None) == (not file):
        raise OptionError("name the set's own files by --file, or a set of the hub by --hub")
    if hub is not None:
        require("datasets", what="loading from the hub", install="datasets")
    articles = corpus_of(read_rows(corpus)) if corpus is not None else None
    rows = (
        hub_rows(hub, split=split)
        if hub is not None
        else (row for path in file or () for row in read_rows(path))
    )
    examples = list(converted(name, rows, corpus=articles, supporting=supporting))
    say([("written", f"{write_examples(out, examples):,} examples to {out}")])


@data_app.command()
def buckets(
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="Examples, as JSONL.")],
    limit: Annotated[
        list[int], typer.Option("--limit", min=1, help="Most tokens of a bucket; repeatable.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for the files.")],
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", metavar="FILE", help="Count anew by this tokenizer.json."),
    ] = None,
) -> None:
    """Part examples by length: one file for each bucket, and one for what is longer than all."""
    from cprs.l1.data.buckets import buckets as parted
    from cprs.l1.data.buckets import counted
    from cprs.l1.eval.fitting import counter
    from cprs.l1.example import read_examples, write_examples

    examples = read_examples(data)
    if tokenizer is not None:
        examples = counted(examples, counter(tokenizer))
    parts = parted(examples, limit)
    out.mkdir(parents=True, exist_ok=True)
    names = [*(f"to-{one}" for one in limit), "longer"]
    for name, part in zip(names, parts, strict=True):
        if part:
            write_examples(out / f"{data.stem}-{name}.jsonl", part)
    say([(name, f"{len(part):,}") for name, part in zip(names, parts, strict=True)])


@data_app.command()
def make(
    out: Out,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="chain, table or count; all if none.")
    ] = None,
    tokens: Annotated[
        list[int] | None, typer.Option("--tokens", min=200, help="About as long; repeatable.")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Of each task and length.")] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Make up questions about long documents: chains of people, tables of figures, counting."""
    from cprs.l1.data.synthetic import TASKS, synthetic
    from cprs.l1.example import write_examples

    examples = (
        example
        for name in task or TASKS
        for length in tokens or [4_000]
        for example in synthetic(name, count, tokens=length, seed=seed)
    )
    say([("written", f"{write_examples(out, examples):,} examples to {out}")])
