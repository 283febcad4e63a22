"""`cprs l1 demo` and `cprs l1 ablate`: the toy, whole and without one part at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.output import write_stdout
from cprs.errors import CprsError
from cprs.extras import torch_device
from cprs.l1.cli.train import Device
from cprs.l1.extras import require

Preset = Annotated[
    str, typer.Option("--preset", help="cpu: minutes on two cores; h200: 0.5B on a GPU.")
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="How many seeds.")]
Workers = Annotated[
    int, typer.Option("--workers", min=0, help="Seeds at a time; 0: as many as cores.")
]


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="A folder for runs and plots.")
    ] = Path("l1-demo"),
    preset: Preset = "cpu",
    seeds: Seeds = 3,
    workers: Workers = 0,
    device: Device = "auto",
) -> None:
    """Train a small random policy on a synthetic task, all of the way, and say what came of it.

    Ends with 1 where one of the claims does not hold. Needs pip install 'cprs[l1]'.
    """
    require("torch", "transformers", "yaml", "safetensors", "matplotlib")
    from cprs.l1.demo.report import markdown, unmet
    from cprs.l1.demo.run import run

    found = run(preset, out, seeds=seeds, workers=workers, device=torch_device(device))
    text = markdown(found)
    (out / "report.md").write_text(text + "\n", encoding="utf-8")
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
    device: Device = "auto",
) -> None:
    """Train on the toy once more without each part, and print the table.

    Parts: warm-up, phases, retention, dynamic sampling, length penalty, clip-higher. What is in
    --out already is not run again. Needs pip install 'cprs[l1]'.
    """
    require("torch", "transformers", "yaml", "safetensors")
    from cprs.l1.ablation import markdown
    from cprs.l1.demo.run import ablation

    lines = ablation(preset, out, seeds=seeds, without=without or None, device=torch_device(device))
    write_stdout((markdown(lines) + "\n").encode())
