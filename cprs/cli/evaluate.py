"""`cprs eval`: critics side by side on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cprs.cli.calibration import EXAMPLE, calibration
from cprs.cli.guidance import EXAMPLE as GUIDANCE_EXAMPLE
from cprs.cli.guidance import guidance
from cprs.cli.output import write_stdout

eval_app = typer.Typer(no_args_is_help=True, help="Measure critics on labelled data.")


@eval_app.callback()
def _eval() -> None: ...


@eval_app.command(
    epilog="""\b
Example:
  cprs eval critic --data sets/dev --critic embedded --critic lexical --queries 24
"""
)
def critic(
    data: Annotated[
        Path,
        typer.Option("--data", metavar="DIR", help="Question sets: files NAME.jsonl or .jsonl.gz."),
    ],
    critic: Annotated[
        list[str] | None,
        typer.Option(
            "--critic", "-c", metavar="NAME", help="Repeatable; all of cprs critics if none."
        ),
    ] = None,
    ratio: Annotated[
        list[float] | None,
        typer.Option("--ratio", "-r", metavar="R", help="Repeatable; 8 to 128 if none."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="NAME", help="Only these sets; repeatable."),
    ] = None,
    queries: Annotated[
        int, typer.Option("--queries", metavar="N", help="Questions of each set.")
    ] = 24,
    haystack: Annotated[
        Path | None,
        typer.Option("--haystack", metavar="FILE", help="Text to hide short documents in."),
    ] = None,
    hops: Annotated[int, typer.Option("--hops", metavar="N", help="As in compress.")] = 1,
    effort: Annotated[str, typer.Option("--effort", metavar="E", help="As in compress.")] = "auto",
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Of the drawing.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="All numbers as JSON.")] = False,
) -> None:
    """Say how much evidence critics keep at each ratio: recall, and in brackets the hits."""
    from cprs.critics import known_critics, load_critic
    from cprs.train.measure.evaluate import RATIOS, evaluate

    names = critic or list(known_critics())
    console = Console(stderr=True, highlight=False)
    with console.status("", spinner="line") as status:

        def show(source: str, name: str) -> None:
            if console.is_terminal:
                status.update(f"{source}: {name}")

        report = evaluate(
            data,
            critics=[load_critic(name) for name in names],
            ratios=ratio or RATIOS,
            queries=queries,
            sources=source or (),
            haystack=haystack,
            hops=hops,
            effort=effort,
            seed=seed,
            progress=show,
        )
    write_stdout(((report.json() if json else report.text()) + "\n").encode())


eval_app.command(epilog=EXAMPLE)(calibration)
eval_app.command(epilog=GUIDANCE_EXAMPLE)(guidance)
