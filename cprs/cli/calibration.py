"""`cprs eval calibration`: whether a critic's probabilities mean what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cprs.cli import measuring
from cprs.cli.output import check_writable, write_files

EXAMPLE = """\b
Example:
  cprs eval calibration --data sets/dev --svg reliability.svg
"""


def calibration(
    data: measuring.Data,
    critic: measuring.Critics = None,
    source: measuring.Sources = None,
    queries: measuring.Queries = 24,
    haystack: measuring.Haystack = None,
    hops: measuring.Hops = 1,
    seed: measuring.Seed = 0,
    device: measuring.Device = "cpu",
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write a reliability plot here.")
    ] = None,
    json: measuring.Json = False,
) -> None:
    """Compare probabilities with the share of passages that is evidence."""
    from cprs.report.reliability import Curve, Point, reliability_svg
    from cprs.train.measure.reliability import measure_calibration

    if svg is not None:
        check_writable(str(svg))
    with measuring.working() as show:
        report = measure_calibration(
            data,
            critics=measuring.load_critics(critic or ["embedded"], device=device),
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
    measuring.write_report(report.json() if json else report.text())
