"""The demo from beginning to end, seed by seed: what `cprs l1 demo` shows."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cprs.errors import OptionError, unknown
from cprs.l1.demo.preferences import preference
from cprs.l1.demo.presets import Preset, preset
from cprs.l1.demo.toy import Toy, again, make_toy, train, warm_up
from cprs.l1.recipe import Recipe
from cprs.l1.record import STEPS, plot, read_measured, read_steps
from cprs.l1.trainer import POLICY, RETENTION

RESULT = "result.json"
PARTS = ("phases", "preference")
"""What follows the warm-up: reinforcement learning in phases, and learning from pairs."""
Say = Callable[[str], None]


def run(
    name: str,
    out: Path,
    *,
    seeds: Sequence[int],
    parts: Sequence[str] = PARTS,
    workers: int = 0,
    device: str = "cpu",
    say: Say | None = None,
) -> list[dict[str, Any]]:
    """Every seed's result, in the order of `seeds`; what is in `out` already is not run again.

    On a CPU, several at a time, each on one core, which call `say` from processes of their own.
    Raises `OptionError` for no seed, or a part that is not known.
    """
    if not seeds:
        raise OptionError("the demo needs at least one seed")
    for part in parts:
        if part not in PARTS:
            raise unknown("part", part, PARTS)
    out.mkdir(parents=True, exist_ok=True)
    at_once = 1 if device != "cpu" else min(len(seeds), workers or os.cpu_count() or 1)
    one = partial(run_seed, preset(name), out=out, parts=parts, device=device, say=say)
    if at_once == 1:
        return [one(seed) for seed in seeds]
    # Fresh processes: a fork of one whose libraries have threads may hang.
    with multiprocessing.get_context("spawn").Pool(at_once) as pool:
        return pool.map(one, seeds, chunksize=1)


def run_seed(
    chosen: Preset,
    seed: int,
    *,
    out: Path,
    parts: Sequence[str] = PARTS,
    device: str = "cpu",
    say: Say | None = None,
) -> dict[str, Any]:
    """One seed: warm-up; both phases and phase 2 alone; ORPO and SoLo-ORPO on the same pairs."""
    folder = out / f"seed-{seed}"
    found = _kept(folder / RESULT, chosen.digest)
    missing = [part for part in parts if part not in found]
    if not missing:
        return found
    if device == "cpu":
        torch.set_num_threads(1)
    toy = make_toy(chosen, seed)
    recipe = replace(chosen.recipe, seed=seed)
    if not found:
        found = {"preset": chosen.digest, "seed": seed, "seconds": 0.0, "cpu seconds": 0.0}
        with _timed(found, "warm-up", say):
            warm_up(chosen, recipe, toy, folder / "warm-up", device)
            found["warm-up"] = read_measured(folder / "warm-up")[-1]["accuracy"]
    warm = folder / "warm-up" / POLICY
    for part in missing:
        with _timed(found, part, say):
            if part == "phases":
                found[part] = _both_phases(warm, recipe, toy, folder, device)
            else:
                found[part] = preference(chosen, warm, toy, seed, folder / part, device)
        (folder / RESULT).write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def mean(values: Sequence[float]) -> float:
    """The mean; 0 of none."""
    return sum(values) / max(len(values), 1)


def _both_phases(
    warm: Path, recipe: Recipe, toy: Toy, folder: Path, device: str
) -> dict[str, dict[str, Any]]:
    """All phases after the warm-up, and the second without the first."""
    later = replace(recipe, sft_steps=0)
    return {
        "whole": _phases(warm, later, toy, folder / "whole", device),
        "phase 2 alone": _phases(
            warm, replace(later, first_phase=2), toy, folder / "phase-2-alone", device
        ),
    }


def _phases(warm: Path, recipe: Recipe, toy: Toy, folder: Path, device: str) -> dict[str, Any]:
    train(again(warm, recipe, device), recipe, toy, folder, triplets=False)
    plot(folder)
    rows = [row for row in read_steps(folder / STEPS) if row["entropy"]]
    entropies = [float(row["entropy"]) for row in rows]
    found: dict[str, Any] = {
        "accuracy": {line["when"]: line["accuracy"] for line in read_measured(folder)},
        "entropy": [mean(entropies[:5]), mean(entropies[-5:])],
        "dropped": sum(int(row["dropped_right"]) + int(row["dropped_wrong"]) for row in rows),
        "kept": sum(int(row["kept"]) for row in rows),
    }
    if (folder / RETENTION).exists():
        line = json.loads((folder / RETENTION).read_text(encoding="utf-8").splitlines()[-1])
        drawn = sum(int(row["retained"] or 0) for row in rows) // recipe.group
        found["retained"] = {"count": len(line["uids"]), "drawn": drawn}
        found["retained"]["hopeless"] = line["hopeless"]
        found["retained"]["mean"] = mean(line["means"])
    return found


def _kept(path: Path, digest: str) -> dict[str, Any]:
    """What an earlier run of the same preset left; nothing of another's."""
    if not path.exists():
        return {}
    found = dict(json.loads(path.read_text(encoding="utf-8")))
    return found if found.get("preset") == digest else {}


@contextmanager
def _timed(found: dict[str, Any], what: str, say: Say | None) -> Iterator[None]:
    began, worked = time.perf_counter(), time.process_time()
    yield
    seconds = time.perf_counter() - began
    found["seconds"] = round(found["seconds"] + seconds, 1)
    found["cpu seconds"] = round(found["cpu seconds"] + time.process_time() - worked, 1)
    if say is not None:
        say(f"seed {found['seed']}: {what} done in {seconds:.0f} s")
