"""`cprs l1 demo` and `cprs l1 ablate`: the toy, whole and without one part at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cprs.cli.output import write_stdout
from cprs.errors import CprsError
from cprs.extras import torch_device
from cprs.l1.cli.train import Device
from cprs.l1.extras import require

Preset = Annotated[
    str, typer.Option("--preset", help="cpu: minutes on two cores; h200: 0.5B on a GPU.")
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="How many seeds.")]
FirstSeed = Annotated[int, typer.Option("--first-seed", min=0, help="The first of them.")]
Workers = Annotated[
    int, typer.Option("--workers", min=0, help="Runs at a time; 0: as many as cores.")
]


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="A folder for runs and plots.")
    ] = Path("l1-demo"),
    part: Annotated[
        list[str] | None,
        typer.Option("--part", metavar="PART", help="Only phases or preference; repeatable."),
    ] = None,
    preset: Preset = "cpu",
    seeds: Seeds = 3,
    first_seed: FirstSeed = 0,
    workers: Workers = 0,
    device: Device = "auto",
) -> None:
    """Train a small random policy on a synthetic task, all of the way, and say what came of it.

    Writes report.md and report.svg to --out. What is there already is not run again. Ends with 1
    where one of the claims does not hold. Needs pip install 'cprs[l1]'.
    """
    require("torch", "transformers", "yaml", "safetensors", "matplotlib")
    from cprs.l1.demo.figure import draw
    from cprs.l1.demo.report import markdown, unmet
    from cprs.l1.demo.run import PARTS, run

    found = run(
        preset,
        out,
        seeds=range(first_seed, first_seed + seeds),
        parts=part or PARTS,
        workers=workers,
        device=torch_device(device),
        say=_say,
    )
    text = markdown(found)
    (out / "report.md").write_text(text + "\n", encoding="utf-8")
    draw(found, out / "report.svg")
    write_stdout((text + "\n").encode())
    failed = unmet(found)
    if failed:
        raise CprsError(f"{len(failed)} claims do not hold: {'; '.join(failed)}")


def ablate(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="A folder for runs and the table.")
    ] = Path("l1-ablation"),
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="PART", help="Only this part; repeatable."),
    ] = None,
    preset: Preset = "cpu",
    seeds: Seeds = 3,
    first_seed: FirstSeed = 0,
    workers: Workers = 0,
    device: Device = "auto",
) -> None:
    """Train on the toy once more without each part, and print the table.

    Parts: warm-up, phases, retention, dynamic sampling, length penalty, clip-higher. The table is
    also in --out, as ablation.md. What is there already is not run again. Needs pip install
    'cprs[l1]'.
    """
    require("torch", "transformers", "yaml", "safetensors")
    from cprs.l1.ablation import markdown
    from cprs.l1.demo.ablate import ablation

    lines = ablation(
        preset,
        out,
        seeds=range(first_seed, first_seed + seeds),
        without=without or None,
        workers=workers,
        device=torch_device(device),
        say=_say,
    )
    write_stdout((markdown(lines) + "\n").encode())


def _say(line: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(line)
