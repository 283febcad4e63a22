"""The toy once more without each part of the method: what `cprs l1 ablate` shows."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from cprs.l1.ablation import Line, ablate
from cprs.l1.demo.presets import Preset, preset
from cprs.l1.demo.toy import make_toy, new_policy, train
from cprs.l1.recipe import Recipe
from cprs.l1.record import STEPS, read_measured, read_steps

LAST = 10
"""Steps at a run's end whose means are shown."""


def ablation(
    name: str,
    out: Path,
    *,
    seeds: Sequence[int],
    without: Sequence[str] | None = None,
    workers: int = 0,
    device: str = "cpu",
    say: Callable[[str], None] | None = None,
) -> list[Line]:
    """Every variant with every seed, on a CPU several at a time. What is in `out` already is
    not run again."""
    chosen = preset(name)
    out.mkdir(parents=True, exist_ok=True)
    one = partial(figures, chosen, device=device)
    at_once = 1 if device != "cpu" else workers or os.cpu_count() or 1
    if at_once == 1:
        return ablate(
            chosen.recipe, one, out, of=chosen.digest, seeds=seeds, names=without, say=say
        )
    with multiprocessing.get_context("spawn").Pool(at_once) as pool:
        return ablate(
            chosen.recipe,
            one,
            out,
            of=chosen.digest,
            seeds=seeds,
            names=without,
            say=say,
            each=pool.imap,
        )


def figures(chosen: Preset, recipe: Recipe, folder: Path, *, device: str) -> dict[str, float]:
    """Train by a recipe. Accuracies on the held-out sets at the end; over the last steps, the
    policy's entropy in nats a token and the tokens of an output."""
    if device == "cpu":
        torch.set_num_threads(1)
    toy = make_toy(chosen, recipe.seed)
    policy = new_policy(chosen, recipe.seed, device)
    train(policy, recipe, toy, folder, triplets=bool(recipe.sft_steps))
    accuracy = read_measured(folder)[-1]["accuracy"]
    rows = [row for row in read_steps(folder / STEPS) if row["kept"]][-LAST:]
    learnt = [float(row["entropy"]) for row in rows if row["entropy"]]
    return {
        **{name: accuracy[name] for name in toy.held_out},
        "entropy": sum(learnt) / max(len(learnt), 1),
        "tokens": sum(float(row["length"]) for row in rows) / max(len(rows), 1),
    }
