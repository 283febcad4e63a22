"""How a context is cut for training, and which of a question's windows are trained on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.formats import segment
from cprs.train.reason.recipe import Recipe
from cprs.train.reason.targets import Targets
from cprs.units import IntArray


def bounds_of(text: str, number: int) -> IntArray:
    """The bounds of the passages of the context with this `number`, from 1: sentences; of every
    third what its own format asks, as in use: lines, records, rows."""
    if number % 3:
        return segment(text, format="text", granularity="sentence").passages
    return segment(text).passages


def choose(
    likely: Sequence[NDArray[np.floating[Any]]],
    targets: Sequence[Targets],
    recipe: Recipe,
    rng: random.Random,
) -> list[tuple[int, float]]:
    """Numbers of windows, and how many each stands for. `likely` (u,) of each window says how much
    its passages look like evidence."""
    holds = [bool(target.passages.any()) for target in targets]
    positive = [i for i, held in enumerate(holds) if held]
    if len(positive) > recipe.evidence_windows:
        positive = sorted(rng.sample(positive, recipe.evidence_windows))
    known = [i for i, held in enumerate(holds) if not held and targets[i].known.any()]
    most = {i: float(likely[i][targets[i].known].max()) for i in known}
    known.sort(key=lambda i: (-most[i], i))
    hard, rest = known[: recipe.hard_windows], known[recipe.hard_windows :]
    easy = sorted(rng.sample(rest, min(recipe.random_windows, len(rest))))
    each = min(len(rest) / max(len(easy), 1), recipe.most_weight)
    return [
        *((i, 1.0) for i in positive),
        *((i, 1.0) for i in hard),
        *((i, each) for i in easy),
    ]
