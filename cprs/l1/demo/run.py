"""The toy from beginning to end, seed by seed: what `cprs l1 demo` shows."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cprs.errors import OptionError
from cprs.l1.ablation import Line, ablate
from cprs.l1.corpus import Data
from cprs.l1.demo.presets import Preset, preset
from cprs.l1.demo.task import examples, shorter
from cprs.l1.demo.tokenizer import make_model, make_tokenizer
from cprs.l1.pairs import make_pairs
from cprs.l1.policy import Policy, load_policy, make_policy
from cprs.l1.preference import train_on_pairs
from cprs.l1.prompt import Prompts
from cprs.l1.recipe import Recipe
from cprs.l1.record import STEPS, plot, read_measured, read_steps
from cprs.l1.reward.hybrid import Scorer
from cprs.l1.rollout.generate import Generate
from cprs.l1.sampler import Sampler
from cprs.l1.sft import Triplet
from cprs.l1.trainer import POLICY, RETENTION, Trainer
from cprs.l1.world import World

RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Toy:
    """The examples of a seed: of each length to train on and held out, and triplets."""

    shorts: list[Triplet]
    longs: list[Triplet]
    held_out: dict[str, list[Triplet]]
    triplets: list[Triplet]


def make_toy(chosen: Preset, seed: int) -> Toy:
    """Draw them all."""
    count = chosen.recipe.evaluate
    return Toy(
        examples(chosen.short, chosen.shorts, seed=seed, name="short"),
        examples(chosen.long, chosen.longs, seed=seed, name="long"),
        {
            "short": examples(chosen.short, count, seed=seed, name="held-out-short"),
            "long": examples(chosen.long, count, seed=seed, name="held-out-long"),
        },
        examples(chosen.short, chosen.triplets, seed=seed, name="warm-up"),
    )


def run(
    name: str, out: Path, *, seeds: int, workers: int = 0, device: str = "cpu"
) -> list[dict[str, Any]]:
    """Every seed's result, in the order of seeds; what is in `out` already is not run again.

    On a CPU, several at a time, each on one core. Raises `OptionError` for no seed.
    """
    if seeds < 1:
        raise OptionError(f"the demo needs at least one seed, got {seeds}")
    out.mkdir(parents=True, exist_ok=True)
    chosen = preset(name)
    at_once = 1 if device != "cpu" else min(seeds, workers or os.cpu_count() or 1)
    one = partial(run_seed, chosen, out=out, device=device)
    if at_once == 1:
        return [one(seed) for seed in range(seeds)]
    # Fresh processes: a fork of one whose libraries have threads may hang.
    with multiprocessing.get_context("spawn").Pool(at_once) as pool:
        return pool.map(one, range(seeds), chunksize=1)


def run_seed(chosen: Preset, seed: int, *, out: Path, device: str = "cpu") -> dict[str, Any]:
    """One seed: warm-up; both phases; phase 2 alone; ORPO and SoLo-ORPO on the same pairs."""
    folder = out / f"seed-{seed}"
    path = folder / RESULT
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    if device == "cpu":
        torch.set_num_threads(1)
    began = time.perf_counter()
    toy = make_toy(chosen, seed)
    recipe = replace(chosen.recipe, seed=seed)
    warm = _warm_up(chosen, recipe, toy, folder / "warm-up", device)
    later = replace(recipe, sft_steps=0)
    found: dict[str, Any] = {"seed": seed}
    found["warm-up"] = read_measured(folder / "warm-up")[-1]["accuracy"]
    found["whole"] = _phases(warm, later, toy, folder / "whole", device)
    alone = replace(later, first_phase=2)
    found["phase 2 alone"] = _phases(warm, alone, toy, folder / "phase-2-alone", device)
    found["preference"] = _preference(chosen, warm, toy, seed, folder / "preference", device)
    found["seconds"] = round(time.perf_counter() - began, 1)
    path.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def ablation(
    name: str, out: Path, *, seeds: int, without: Sequence[str] | None, device: str = "cpu"
) -> list[Line]:
    """The toy once more without each part: final accuracies on held-out examples."""
    chosen = preset(name)
    out.mkdir(parents=True, exist_ok=True)

    def one(recipe: Recipe, folder: Path) -> Mapping[str, float]:
        toy = make_toy(chosen, recipe.seed)
        made = _new(chosen, recipe.seed, device)
        _train(made, recipe, toy, folder, triplets=bool(recipe.sft_steps))
        found: dict[str, float] = read_measured(folder)[-1]["accuracy"]
        return {name: found[name] for name in ("short", "long")}

    return ablate(chosen.recipe, one, out, seeds=range(seeds), names=without)


def _new(chosen: Preset, seed: int, device: str) -> Policy:
    tokenizer = make_tokenizer(chosen.long.people)
    model = make_model(
        tokenizer, seed=seed, width=chosen.width, layers=chosen.layers, heads=chosen.heads
    )
    return make_policy(model, tokenizer, device=device, precision=chosen.recipe.precision)


def _train(
    policy: Policy, recipe: Recipe, toy: Toy, folder: Path, *, phases: bool = True, triplets: bool
) -> None:
    data = Data(
        [one.example for one in (*toy.shorts, *toy.longs)] if phases else (),
        toy.triplets if triplets else (),
        {name: [one.example for one in some] for name, some in toy.held_out.items()},
    )
    tokens = 4 * recipe.micro_tokens
    Trainer(policy, recipe, data, folder, backend=Generate(tokens=tokens)).run()


def _warm_up(chosen: Preset, recipe: Recipe, toy: Toy, folder: Path, device: str) -> Path:
    _train(_new(chosen, recipe.seed, device), recipe, toy, folder, phases=False, triplets=True)
    return folder / POLICY


def _phases(warm: Path, recipe: Recipe, toy: Toy, folder: Path, device: str) -> dict[str, Any]:
    policy = load_policy(warm, device=device, precision=recipe.precision)
    _train(policy, recipe, toy, folder, triplets=False)
    plot(folder)
    rows = [row for row in read_steps(folder / STEPS) if row["entropy"]]
    entropies = [float(row["entropy"]) for row in rows]
    found: dict[str, Any] = {
        "accuracy": {line["when"]: line["accuracy"] for line in read_measured(folder)},
        "entropy": [_mean(entropies[:5]), _mean(entropies[-5:])],
        "dropped": sum(int(row["dropped_right"]) + int(row["dropped_wrong"]) for row in rows),
        "kept": sum(int(row["kept"]) for row in rows),
    }
    if (folder / RETENTION).exists():
        line = json.loads((folder / RETENTION).read_text(encoding="utf-8").splitlines()[-1])
        drawn = sum(int(row["retained"] or 0) for row in rows) // recipe.group
        found["retained"] = {"count": len(line["uids"]), "drawn": drawn}
        found["retained"]["hopeless"] = line["hopeless"]
        found["retained"]["mean"] = _mean(line["means"])
    return found


def _preference(
    chosen: Preset, warm: Path, toy: Toy, seed: int, folder: Path, device: str
) -> dict[str, Any]:
    """Answers sampled on short texts by the warmed-up policy make pairs; each method learns from
    the same ones."""
    policy = load_policy(warm, device=device, precision=chosen.recipe.precision)
    recipe = replace(chosen.recipe, seed=seed, group=8)
    some = toy.longs[: chosen.pairs]
    facts = (chosen.short.least + chosen.short.most) // 2
    shorts = [shorter(one, facts, seed=seed) for one in some]
    groups = _sampler(policy, recipe).groups(shorts)
    paired = make_pairs(
        shorts,
        [one.example for one in some],
        [[rollout.text for rollout in group.rollouts] for group in groups],
        [[one.accuracy for one in group.judged] for group in groups],
        seed=seed,
    )
    found: dict[str, Any] = {"pairs": len(paired.pairs)}
    found["before"] = _measure(policy, recipe, toy)
    plain = replace(chosen.preference, alpha=0.0, seed=seed)
    for name, options in (
        ("orpo", plain),
        ("orpo on long", replace(plain, on_long=True)),
        ("solo-orpo", replace(chosen.preference, seed=seed)),
    ):
        policy = load_policy(warm, device=device, precision=chosen.recipe.precision)
        prompts = Prompts(policy.tokenizer, template=recipe.template)
        steps = train_on_pairs(
            policy, paired.pairs, options, prompts, folder / name.replace(" ", "-")
        )
        found[name] = _measure(policy, recipe, toy) | {"alignment": steps[-1].alignment}
    return found


def _sampler(policy: Policy, recipe: Recipe) -> Sampler:
    tokens = 4 * recipe.micro_tokens
    return Sampler(
        policy,
        recipe,
        backend=Generate(tokens=tokens),
        scorer=Scorer(rule=recipe.rule, thinking=recipe.thinking),
        world=World(),
    )


def _measure(policy: Policy, recipe: Recipe, toy: Toy) -> dict[str, float]:
    sampler = _sampler(policy, recipe)
    return {
        name: sampler.accuracy(
            [one.example for one in some], samples=recipe.evaluate_samples, salt="preference"
        )
        for name, some in toy.held_out.items()
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)
