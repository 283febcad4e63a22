"""A seed's examples, and a policy trained on them: what every part of the demo begins with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cprs.l1.corpus import Data
from cprs.l1.demo.presets import Preset
from cprs.l1.demo.task import examples
from cprs.l1.demo.tokenizer import make_model, make_tokenizer
from cprs.l1.policy import Policy, load_policy, make_policy
from cprs.l1.recipe import Recipe
from cprs.l1.rollout.generate import Generate
from cprs.l1.sft import Triplet
from cprs.l1.trainer import POLICY, Trainer


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


def new_policy(chosen: Preset, seed: int, device: str) -> Policy:
    """A policy of random weights."""
    tokenizer = make_tokenizer(chosen.long.people)
    model = make_model(
        tokenizer,
        seed=seed,
        width=chosen.width,
        layers=chosen.layers,
        heads=chosen.heads,
        spread=chosen.spread,
    )
    return make_policy(
        model,
        tokenizer,
        device=device,
        precision=chosen.recipe.precision,
        gradient_checkpointing=chosen.recipe.gradient_checkpointing,
    )


def again(warm: Path, recipe: Recipe, device: str) -> Policy:
    """The warmed-up policy, to be trained further by a recipe."""
    return load_policy(
        warm,
        device=device,
        precision=recipe.precision,
        gradient_checkpointing=recipe.gradient_checkpointing,
    )


def backend_of(recipe: Recipe) -> Generate:
    """Samples in this process; without gradients four times as much goes into a batch."""
    return Generate(tokens=4 * recipe.micro_tokens)


def train(
    policy: Policy, recipe: Recipe, toy: Toy, folder: Path, *, phases: bool = True, triplets: bool
) -> None:
    """Run a recipe on a toy's examples, or on its triplets, or on both."""
    data = Data(
        [one.example for one in (*toy.shorts, *toy.longs)] if phases else (),
        toy.triplets if triplets else (),
        {name: [one.example for one in some] for name, some in toy.held_out.items()},
    )
    Trainer(policy, recipe, data, folder, backend=backend_of(recipe)).run()


def warm_up(chosen: Preset, recipe: Recipe, toy: Toy, folder: Path, device: str) -> Path:
    """Train a new policy on the triplets; where it is."""
    policy = new_policy(chosen, recipe.seed, device)
    train(policy, recipe, toy, folder, phases=False, triplets=True)
    return folder / POLICY
