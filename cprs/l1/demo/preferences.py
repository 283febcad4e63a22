"""The demo's second part: ORPO and SoLo-ORPO on the same pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cprs.l1.demo.presets import Preset
from cprs.l1.demo.task import shorter
from cprs.l1.demo.toy import Toy, again, backend_of
from cprs.l1.pairing import sampled_pairs
from cprs.l1.policy import Policy
from cprs.l1.preference import train_on_pairs
from cprs.l1.prompt import Prompts
from cprs.l1.recipe import Recipe
from cprs.l1.reward.hybrid import Scorer
from cprs.l1.sampler import Sampler
from cprs.l1.world import World

BEFORE = "before"
METHODS = ("orpo", "orpo on long", "solo-orpo")


def preference(
    chosen: Preset, warm: Path, toy: Toy, seed: int, folder: Path, device: str
) -> dict[str, Any]:
    """Answers sampled on short texts by the warmed-up policy make pairs; each method learns from
    the same ones. Accuracies by method and length, and how many pairs there were."""
    recipe = replace(chosen.recipe, seed=seed)
    policy = again(warm, recipe, device)
    some = toy.longs[: chosen.pairs]
    facts = (chosen.short.least + chosen.short.most) // 2
    shorts = [shorter(one, facts, seed=seed) for one in some]
    longs = [one.example for one in some]
    paired = sampled_pairs(_sampler(policy, recipe), shorts, longs, seed=seed)
    found: dict[str, Any] = {"pairs": len(paired.pairs), BEFORE: _measure(policy, recipe, toy)}
    solo = replace(chosen.preference, seed=seed)
    plain = replace(solo, alpha=0.0)
    for name, options in zip(METHODS, (plain, replace(plain, on_long=True), solo), strict=True):
        policy = again(warm, recipe, device)
        prompts = Prompts(policy.tokenizer, template=recipe.template)
        steps = train_on_pairs(
            policy, paired.pairs, options, prompts, folder / name.replace(" ", "-")
        )
        found[name] = _measure(policy, recipe, toy) | {"alignment": steps[-1].alignment}
    return found


def _sampler(policy: Policy, recipe: Recipe) -> Sampler:
    return Sampler(
        policy,
        recipe,
        backend=backend_of(recipe),
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
