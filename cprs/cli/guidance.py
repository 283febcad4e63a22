"""`cprs eval guidance`: whether instructions change what is kept, and labels come back right."""

from __future__ import annotations

from typing import Annotated

import typer

from cprs.cli import measuring

EXAMPLE = """\b
Example:
  cprs eval guidance --critic embedded --critic my-critic
"""


def guidance(
    critic: measuring.Critics = None,
    documents: Annotated[
        int, typer.Option("--documents", metavar="N", help="Made-up texts for labels, of 2 sorts.")
    ] = 20,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Of these texts.")] = 77,
    device: measuring.Device = "cpu",
    json: measuring.Json = False,
) -> None:
    """Ask hand-written texts for dates, people, errors, ...: precision and recall of what is kept.

    "best" is the share of the n best units that are wanted where n are wanted."""
    from cprs.train.measure.guidance import measure_guidance

    with measuring.working() as show:
        report = measure_guidance(
            measuring.load_critics(critic or ["embedded"], device=device),
            documents=documents,
            seed=seed,
            progress=show,
        )
    measuring.write_report(report.json() if json else report.text())
