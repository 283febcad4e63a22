"""`cprs eval guidance`: whether instructions change what is kept, and labels come back right."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from cprs.cli.output import write_stdout

EXAMPLE = """\b
Example:
  cprs eval guidance --critic embedded --critic my-critic
"""


def guidance(
    critic: Annotated[
        list[str] | None,
        typer.Option(
            "--critic", "-c", metavar="NAME", help="A critic or a folder; repeatable; embedded."
        ),
    ] = None,
    documents: Annotated[
        int, typer.Option("--documents", metavar="N", help="Made-up texts for labels, of 2 sorts.")
    ] = 20,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Of these texts.")] = 77,
    json: Annotated[bool, typer.Option("--json", help="All numbers as JSON.")] = False,
) -> None:
    """Ask hand-written texts for dates, people, errors, ...: precision and recall of what is kept.

    "best" is the share of the n best units that are wanted where n are wanted."""
    from cprs.critics import load_critic
    from cprs.train.measure.guidance import measure_guidance

    console = Console(stderr=True, highlight=False)
    with console.status("", spinner="line") as status:

        def show(case: str, name: str) -> None:
            if console.is_terminal:
                status.update(f"{case}: {name}")

        report = measure_guidance(
            [load_critic(name) for name in critic or ["embedded"]],
            documents=documents,
            seed=seed,
            progress=show,
        )
    write_stdout(((report.json() if json else report.text()) + "\n").encode())
