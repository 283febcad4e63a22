"""`cprs eval calibration`: whether a critic's probabilities mean what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cprs.cli.output import check_writable, write_files, write_stdout

EXAMPLE = """\b
Example:
  cprs eval calibration --data sets/dev --svg reliability.svg
"""


def calibration(
    data: Annotated[
        Path,
        typer.Option("--data", metavar="DIR", help="Question sets: files NAME.jsonl or .jsonl.gz."),
    ],
    critic: Annotated[
        list[str] | None,
        typer.Option("--critic", "-c", metavar="NAME", help="Repeatable; embedded if none."),
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
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Of the drawing.")] = 0,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write a reliability plot here.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="All numbers as JSON.")] = False,
) -> None:
    """Compare probabilities with the share of passages that is evidence."""
    from cprs.critics import load_critic
    from cprs.report.reliability import Curve, Point, reliability_svg
    from cprs.train.measure.reliability import measure_calibration

    if svg is not None:
        check_writable(str(svg))
    names = critic or ["embedded"]
    console = Console(stderr=True, highlight=False)
    with console.status("", spinner="line") as status:

        def show(source: str, name: str) -> None:
            if console.is_terminal:
                status.update(f"{source}: {name}")

        report = measure_calibration(
            data,
            critics=[load_critic(name) for name in names],
            queries=queries,
            sources=source or (),
            haystack=haystack,
            hops=hops,
            seed=seed,
            progress=show,
        )
    if svg is not None:
        curves = [
            Curve(
                f"{row.critic}; {row.source}: {row.queries} questions",
                tuple(Point(b.probability, b.evidence, b.passages) for b in row.bins),
            )
            for row in report.overall
        ]
        plot = reliability_svg(curves, title="Do probabilities mean what they say?")
        write_files({str(svg): plot})
    write_stdout(((report.json() if json else report.text()) + "\n").encode())
