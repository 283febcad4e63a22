"""`cprs eval`: critics side by side on labelled data."""

from __future__ import annotations

from typing import Annotated

import typer

from cprs.cli import calibration, guidance, measuring, needles

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
    data: measuring.Data,
    critic: Annotated[
        list[str] | None,
        typer.Option(
            "--critic",
            "-c",
            metavar="NAME",
            help="Name or folder; repeatable; all of cprs critics if none.",
        ),
    ] = None,
    ratio: Annotated[
        list[float] | None,
        typer.Option("--ratio", "-r", metavar="R", help="Repeatable; 8 to 128 if none."),
    ] = None,
    source: measuring.Sources = None,
    queries: measuring.Queries = 24,
    haystack: measuring.Haystack = None,
    hops: measuring.Hops = 1,
    effort: measuring.Effort = "auto",
    seed: measuring.Seed = 0,
    device: measuring.Device = "cpu",
    json: measuring.Json = False,
) -> None:
    """Say how much evidence critics keep at each ratio: recall, and in brackets the hits."""
    from cprs.critics import known_critics
    from cprs.train.measure.evaluate import RATIOS, evaluate

    with measuring.working() as show:
        report = evaluate(
            data,
            critics=measuring.load_critics(critic or known_critics(), device=device),
            ratios=ratio or RATIOS,
            queries=queries,
            sources=source or (),
            haystack=haystack,
            hops=hops,
            effort=effort,
            seed=seed,
            progress=show,
        )
    measuring.write_report(report.json() if json else report.text())


eval_app.command(epilog=calibration.EXAMPLE)(calibration.calibration)
eval_app.command(epilog=guidance.EXAMPLE)(guidance.guidance)
eval_app.command(epilog=needles.NEEDLES_EXAMPLES)(needles.needles)
eval_app.command(epilog=needles.EMPTY_EXAMPLE)(needles.empty)
