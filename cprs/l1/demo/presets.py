"""How large the toy is: for two cores, or for a GPU."""

from __future__ import annotations

from dataclasses import dataclass

from cprs.errors import unknown
from cprs.l1.demo.task import Shape
from cprs.l1.preference import PreferenceOptions
from cprs.l1.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Preset:
    """The policy's `width`, `layers` and `heads`; documents of the two phases, `short` and `long`,
    so many of each, and `triplets` for the warm-up; the `recipe`; `pairs` to sample for and how to
    train on them (`preference`, the SoLoPO form)."""

    width: int
    layers: int
    heads: int
    short: Shape
    long: Shape
    shorts: int
    longs: int
    triplets: int
    recipe: Recipe
    pairs: int
    preference: PreferenceOptions


_CPU = Recipe(
    template="short",
    sft_steps=150,
    sft_batch=64,
    sft_rate=2e-3,
    limits=(42, 90),
    steps=(40, 40),
    retention="zero_only",
    retained=48,
    batch=16,
    mini=8,
    group=8,
    rounds=3,
    temperature=1.0,
    top_p=1.0,
    longest=16,
    overlong_buffer=2,
    rate=5e-4,
    micro_tokens=16_000,
    gradient_checkpointing=False,
    reference="start",
    save=1000,
    evaluate=150,
    evaluate_samples=2,
)
PRESETS = {
    "cpu": Preset(
        width=64,
        layers=2,
        heads=4,
        short=Shape(3, 8, 0.25),
        long=Shape(12, 20, 0.25),
        shorts=600,
        longs=600,
        triplets=4000,
        recipe=_CPU,
        pairs=400,
        preference=PreferenceOptions(
            method="orpo", alpha=1.0, odds=1.0, steps=40, batch=32, rate=5e-4
        ),
    ),
}


def preset(name: str) -> Preset:
    """The preset of a name. Raises `OptionError` where there is none."""
    if name not in PRESETS:
        raise unknown("preset", name, tuple(PRESETS))
    return PRESETS[name]
