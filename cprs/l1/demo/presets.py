"""How large the toy is: for two cores, or for a GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    sft_steps=400,
    sft_batch=128,
    sft_rate=3e-3,
    sft_enough=0.15,
    limits=(10, 40),
    steps=(60, 60),
    retention="zero_only",
    retained=48,
    batch=16,
    mini=8,
    group=8,
    rounds=3,
    temperature=1.0,
    top_p=1.0,
    longest=9,
    overlong_buffer=2,
    rate=1e-3,
    micro_tokens=16_000,
    gradient_checkpointing=False,
    reference="start",
    save=1000,
    evaluate=200,
    evaluate_samples=4,
)
PRESETS = {
    "cpu": Preset(
        width=64,
        layers=2,
        heads=4,
        short=Shape(2, 8),
        long=Shape(12, 20),
        shorts=600,
        longs=600,
        triplets=20_000,
        recipe=_CPU,
        pairs=400,
        preference=PreferenceOptions(
            method="orpo",
            alpha=0.2,
            detach_short=True,
            odds=1.0,
            steps=60,
            batch=32,
            rate=5e-4,
        ),
    ),
    "h200": Preset(
        width=896,
        layers=24,
        heads=14,
        short=Shape(2, 48, people=360),
        long=Shape(96, 240, people=360),
        shorts=4000,
        longs=4000,
        triplets=200_000,
        recipe=replace(
            _CPU,
            sft_steps=1500,
            sft_batch=256,
            sft_rate=3e-4,
            warmup=50,
            limits=(60, 300),
            steps=(100, 100),
            retained=256,
            batch=64,
            mini=32,
            rate=2e-5,
            micro_tokens=120_000,
            evaluate=500,
        ),
        pairs=2000,
        preference=PreferenceOptions(
            method="orpo",
            alpha=0.2,
            detach_short=True,
            odds=1.0,
            steps=100,
            batch=64,
            rate=1e-5,
            micro_tokens=120_000,
        ),
    ),
}


def preset(name: str) -> Preset:
    """The preset of a name. Raises `OptionError` where there is none."""
    if name not in PRESETS:
        raise unknown("preset", name, tuple(PRESETS))
    return PRESETS[name]
