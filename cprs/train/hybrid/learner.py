"""The model that a run trains, and the hybrid that it becomes."""

from __future__ import annotations

from pathlib import Path

import torch

from cprs.train.hybrid.folder import new_hybrid
from cprs.train.hybrid.lora import add_adapters, merge_adapters
from cprs.train.hybrid.model import Hybrid
from cprs.train.reason.checkpoint import restore
from cprs.train.reason.precision import in_bfloat16
from cprs.train.reason.recipe import Recipe


def learner(base: Path, recipe: Recipe, on: torch.device) -> Hybrid:
    """What learns: all weights in float32; or adapters in float32, beside weights that stay, and
    that are kept in bfloat16 where that is what is multiplied in.

    Raises as `new_hybrid` does.
    """
    if not recipe.lora_rank:
        return new_hybrid(base, recipe)
    short = in_bfloat16(recipe.precision, on)
    model = new_hybrid(base, recipe, dtype=torch.bfloat16 if short else torch.float32)
    add_adapters(model, recipe)
    return model


def learnt(base: Path, recipe: Recipe, out: Path) -> Hybrid:
    """A plain hybrid in float32 of what the run in `out` learnt, as its checkpoint has it."""
    model = new_hybrid(base, recipe)
    if recipe.lora_rank:
        add_adapters(model, recipe)
    restore(out, model)
    if recipe.lora_rank:
        merge_adapters(model)
    return model
