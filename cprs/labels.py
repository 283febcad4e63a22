"""Labels: what each unit is called, from what the critic says of its tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cprs.units import Units
from cprs.windows import Encoded

Column = NDArray[np.float32]

TAGS = "BIOE"
OUTSIDE_BY_FAR = 0.9
"""A unit is outside all labels when "outside" has this share of the probability or more."""

_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class UnitLabels:
    """`best` (n,) int64: the number of each unit's most probable label, -1 where none applies:
    the unit holds no token, or is outside all labels by far (`outside` (n,) bool)."""

    best: NDArray[np.int64]
    outside: NDArray[np.bool_]


def inside(tags: Column) -> Column:
    """How far each of n tokens is evidence by its own `tags` (n, 4) over B I O E: 1 - P(O)."""
    evidence: Column = np.clip(1 - tags[:, TAGS.index("O")], 0, 1)
    return evidence


def unit_labels(units: Units, encoded: Encoded, labels: Column, tags: Column | None) -> UnitLabels:
    """The label of every unit, given `labels` (n, L), each of n tokens' probability of each of L
    labels; what is left of 1 is "outside".

    A token of tags (B I O E) called `fact` scores P_tag(B or I or E) x P_vocab(fact)
    (QwenLong-CPRS, arXiv 2505.18092, section 2.2); a unit's label has the largest sum of these
    over its tokens. Without `tags` every token counts the same.
    """
    best = np.full(len(units), -1, np.int64)
    outside = np.zeros(len(units), np.bool_)
    if not len(encoded):
        return UnitLabels(best, outside)
    owner = np.searchsorted(units.bounds, encoded.offsets[:, 0], side="right") - 1
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    # Some weight is left where no token is evidence at all.
    weight = np.ones(len(labels)) if tags is None else inside(tags) + _LEAST
    called = np.add.reduceat(weight[:, None] * labels, first, axis=0)
    rest = 1 - called.sum(axis=1) / np.add.reduceat(weight, first)
    far = rest >= OUTSIDE_BY_FAR
    best[owner[first]] = np.where(far, -1, called.argmax(axis=1))
    outside[owner[first]] = far
    return UnitLabels(best, outside)
