"""What the commands under `cprs eval` share: options, critics, progress, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cprs.cli.output import write_stdout

if TYPE_CHECKING:
    from cprs.critics import TokenCritic

Data = Annotated[
    Path,
    typer.Option("--data", metavar="DIR", help="Question sets: files NAME.jsonl or .jsonl.gz."),
]
Critics = Annotated[
    list[str] | None,
    typer.Option(
        "--critic", "-c", metavar="NAME", help="Name or folder; repeatable; embedded if none."
    ),
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="D", help="Of hybrids: auto, cpu or cuda; others: the CPU."),
]
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="NAME", help="Only these sets; repeatable."),
]
Queries = Annotated[int, typer.Option("--queries", metavar="N", help="Questions of each set.")]
Haystack = Annotated[
    Path | None,
    typer.Option("--haystack", metavar="FILE", help="Text to hide short documents in."),
]
Hops = Annotated[int, typer.Option("--hops", metavar="N", help="As in compress.")]
Effort = Annotated[str, typer.Option("--effort", "-e", metavar="E", help="As in compress.")]
Seed = Annotated[int, typer.Option("--seed", metavar="S", help="Of the drawing.")]
Json = Annotated[bool, typer.Option("--json", help="All numbers as JSON.")]


def load_critics(names: Sequence[str], *, device: str) -> list[TokenCritic]:
    """The critics of these names or folders, each once. `device` is for those that have a choice.

    Raises `OptionError` and `WeightsError` as `cprs.critics.load_critic` does.
    """
    from cprs.critics import load_critic
    from cprs.critics.hybrid.hub import is_hub_name
    from cprs.critics.hybrid.kind import is_hybrid

    return [
        load_critic(
            name, device=device if is_hybrid(Path(name)) or is_hub_name(str(name)) else "cpu"
        )
        for name in dict.fromkeys(names)
    ]


@contextmanager
def working() -> Iterator[Callable[..., None]]:
    """A callback that is told, in one or several parts, where the work is: a line on a terminal,
    nothing elsewhere."""
    console = Console(stderr=True, highlight=False)
    with console.status("", spinner="line") as status:

        def show(*parts: str) -> None:
            if console.is_terminal:
                status.update(": ".join(parts))

        yield show


def write_report(text: str) -> None:
    """A report on standard output."""
    write_stdout(f"{text}\n".encode())
