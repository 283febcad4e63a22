"""`cprs l1 export`: jobs for other trainers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.console import say
from cprs.errors import OptionError
from cprs.l1.extras import require

export_app = typer.Typer(no_args_is_help=True, help="Jobs for other trainers.")


@export_app.callback()
def _export() -> None: ...


@export_app.command()
def verl(
    model: Annotated[
        str, typer.Option("--model", metavar="DIR|NAME", help="What the phase begins from.")
    ],
    data: Annotated[
        Path, typer.Option("--data", metavar="FILE", help="Examples with tokens, as JSONL.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for the jobs.")],
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="YAML, as of cprs l1 train.")
    ] = None,
    phase: Annotated[int, typer.Option("--phase", min=1, help="Which phase.")] = 1,
    outputs: Annotated[
        Path | None,
        typer.Option("--outputs", metavar="DIR", help="What verl wrote of the phase before."),
    ] = None,
) -> None:
    """Write a phase's job for verl: parquet, reward and settings, hard examples among them.

    Needs pip install 'cprs[l1]' pyarrow.
    """
    require("pyarrow", "yaml", what="the export for verl", install="pyarrow pyyaml")
    from cprs.l1.curriculum import curriculum, flat
    from cprs.l1.example import by_uid, read_examples
    from cprs.l1.export.verl import export_phase, phase_of, retained_of
    from cprs.l1.recipe import Recipe, read_recipe

    chosen = read_recipe(recipe) if recipe is not None else Recipe()
    examples = read_examples(data)
    if any(example.tokens is None for example in examples):
        raise OptionError(f"{data}: phases go by tokens: count them by cprs l1 data buckets")
    made = curriculum(examples, chosen.limits, tokens=lambda example: example.tokens or 0)
    phases = (made if chosen.curriculum else flat(made)).phases
    retaining = phase > chosen.first_phase and chosen.retention != "none"
    if retaining and outputs is None:
        raise OptionError(
            "--outputs names what verl wrote of the phase before, for its hard examples; with"
            " `retention: none` in the recipe there are none"
        )
    again = []
    if retaining and outputs is not None:
        found = retained_of(chosen, outputs)
        known = by_uid(examples)
        again = [known[uid] for uid in found.uids if uid in known]
        said = f"{len(again)} of {found.candidates} ({found.hopeless} never right)"
        say([("retained", said)])
    folder = export_phase(chosen, phase_of(phases, phase), out, model=model, retained=again)
    say([("written", str(folder)), ("beyond", f"{len(made.beyond):,} longer than all phases")])
