"""`cprs eval needles` and `cprs eval empty`: long texts with a little in them, and with nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cprs.cli import measuring
from cprs.errors import CprsError, OptionError

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
_Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="List what went wrong.")]


def needles(
    critic: measuring.Critics = None,
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
    hops: measuring.Hops = 1,
    effort: measuring.Effort = "auto",
    seed: measuring.Seed = 0,
    least: Annotated[
        float | None,
        typer.Option("--least", metavar="S", help="Fail where a task and length keeps less."),
    ] = None,
    device: measuring.Device = "cpu",
    verbose: _Verbose = False,
    json: measuring.Json = False,
) -> None:
    """Hide needles in long text and say how many depths of each task are kept."""
    from cprs.train.measure.needles import TOKENS, find_needles
    from cprs.train.measure.needles_report import NeedleReport

    _share("--least", least)
    with measuring.working() as show:
        outcomes = find_needles(
            measuring.load_critics(critic or ["embedded"], device=device),
            tokens=tokens or TOKENS,
            ratio=ratio,
            depths=depths,
            seed=seed,
            haystack=_haystack(haystack),
            tasks=task or (),
            progress=show,
            hops=hops,
            effort=effort,
        )
    report = NeedleReport(tuple(outcomes))
    measuring.write_report(report.json() if json else report.text(verbose=verbose))
    if least is not None and report.least < least:
        raise CprsError(f"{report.least:.3f} of the depths kept where it is worst, not {least:g}")


def empty(
    critic: measuring.Critics = None,
    tokens: _Tokens = None,
    question: Annotated[
        list[str] | None,
        typer.Option("--question", "-q", metavar="TEXT", help="Repeatable; 20 of our own if none."),
    ] = None,
    haystack: _Hay = None,
    hops: measuring.Hops = 1,
    effort: measuring.Effort = "auto",
    seed: measuring.Seed = 0,
    most: Annotated[
        float | None,
        typer.Option("--most", metavar="S", help="Fail where a length keeps more on average."),
    ] = None,
    device: measuring.Device = "cpu",
    verbose: _Verbose = False,
    json: measuring.Json = False,
) -> None:
    """Ask long text what it does not answer and say how much is kept all the same."""
    from cprs.train.measure.empty import QUESTIONS, EmptyReport, keep_of_nothing
    from cprs.train.measure.needles import TOKENS

    _share("--most", most)
    with measuring.working() as show:
        kept = keep_of_nothing(
            measuring.load_critics(critic or ["embedded"], device=device),
            tokens=tokens or TOKENS,
            questions=question or QUESTIONS,
            seed=seed,
            haystack=_haystack(haystack),
            progress=show,
            hops=hops,
            effort=effort,
        )
    report = EmptyReport(tuple(kept))
    measuring.write_report(report.json() if json else report.text(verbose=verbose))
    if most is not None and report.most > most:
        raise CprsError(f"{report.most:.3%} kept on average where it is worst, not {most:.3%}")


def _haystack(path: Path | None) -> Haystack | None:
    from cprs.train.tasks.haystack import Haystack

    return None if path is None else Haystack.read(path)


def _share(option: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        raise OptionError(f"{option} is a share, 0 to 1, got {value:g}")
