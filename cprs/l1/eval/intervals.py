"""How sure a mean is: 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Z = 1.959963984540054
DRAWS = 2000


def interval(values: Sequence[float], *, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean: Wilson's where all values are 0 or 1, else by bootstrap."""
    if all(value in (0.0, 1.0) for value in values):
        return wilson(int(sum(values)), len(values))
    return bootstrap(values, seed=seed)


def wilson(right: int, all_: int) -> tuple[float, float]:
    """Wilson's score interval of a share, `right` of `all_`; (0, 1) of nothing.

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), which holds at 0 and at 1 too.
    """
    if not all_:
        return 0.0, 1.0
    share, square = right / all_, Z * Z / all_
    middle = share + square / 2
    half = Z * sqrt(share * (1 - share) / all_ + square / (4 * all_))
    return max(0.0, (middle - half) / (1 + square)), min(1.0, (middle + half) / (1 + square))


def bootstrap(values: Sequence[float], *, seed: int = 0) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of the means of `DRAWS` draws with replacement."""
    if not values:
        return 0.0, 1.0
    return _middle(_means(values, np.random.default_rng(seed)))


def bootstrap_of_means(groups: Sequence[Sequence[float]], *, seed: int = 0) -> tuple[float, float]:
    """The same of the mean of several groups' means, each drawn from by itself: of an average
    over sets of unlike size."""
    chance = np.random.default_rng(seed)
    means = [_means(group, chance) for group in groups if group]
    return _middle(np.mean(means, axis=0)) if means else (0.0, 1.0)


def _means(values: Sequence[float], chance: np.random.Generator) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    # In parts, so that many values take no more memory than few.
    size = (100, len(array))
    parts = (array[chance.integers(len(array), size=size)] for _ in range(DRAWS // size[0]))
    return np.concatenate([part.mean(axis=1) for part in parts])


def _middle(means: Floats) -> tuple[float, float]:
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
