"""How large the toy is: for two cores, or for a GPU."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

from cprs.errors import unknown
from cprs.l1.demo.task import Shape
from cprs.l1.preference import PreferenceOptions
from cprs.l1.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Preset:
    """The policy's `width`, `layers`, `heads` and the `spread` of its first weights; documents of
    the two phases, `short` and `long`, so many of each, and `triplets` for the warm-up; the
    `recipe`; `pairs` to sample for and how to train on them (`preference`, the SoLoPO form)."""

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
    spread: float = 0.06

    @property
    def digest(self) -> str:
        """Of all that decides a result."""
        recipe = [self.recipe.digest, self.recipe.evaluate, self.recipe.evaluate_samples]
        chosen = {**asdict(self), "recipe": recipe}
        return sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:16]


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
    evaluate=400,
    evaluate_samples=4,
)
_PREFERENCE = PreferenceOptions(
    method="orpo", alpha=0.1, detach_short=True, odds=1.0, steps=240, batch=32, rate=5e-4
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
        pairs=600,
        preference=_PREFERENCE,
    ),
    # Qwen2's layers, 0.48 billion weights; none are spent on a vocabulary that the toy has not.
    "h200": Preset(
        width=1024,
        layers=28,
        heads=16,
        spread=0.02,
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
            # Without checkpointing, some 2 MB of activations to a token of 28 layers.
            micro_tokens=24_000,
        ),
        pairs=2000,
        preference=replace(_PREFERENCE, steps=100, batch=64, rate=1e-5, micro_tokens=24_000),
    ),
}


def preset(name: str) -> Preset:
    """The preset of a name. Raises `OptionError` where there is none."""
    if name not in PRESETS:
        raise unknown("preset", name, tuple(PRESETS))
    return PRESETS[name]
