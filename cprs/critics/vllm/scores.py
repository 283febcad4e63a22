"""A hybrid's logits as scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import TokenScores
from cprs.critics.layers import owner_of
from cprs.labels import TAGS
from cprs.units import IntArray

Logits = NDArray[np.float32]
_OUTSIDE = TAGS.index("O")


def scores_of(logits: Logits, units: IntArray, labels: Logits | None) -> TokenScores:
    """Scores of a window's t tokens from the tags' logits (t, 4).

    A token is kept as its passage's mean log-odds ln(Σ_{B, I, E} e^z) - z_O say. `labels`
    (t, 1 + L): logits of "outside" and of the labels asked for.
    """
    tags = logits.astype(np.float64)
    odds = np.logaddexp.reduce(np.delete(tags, _OUTSIDE, axis=1), axis=1) - tags[:, _OUTSIDE]
    sizes = units[:, 1] - units[:, 0]
    mean = np.add.reduceat(odds, units[:, 0]) / sizes
    keep = np.exp(-np.logaddexp(0.0, -mean))
    return TokenScores(
        keep=keep.astype(np.float32)[owner_of(units)],
        tags=_softmax(logits),
        labels=None if labels is None or labels.shape[1] < 2 else _softmax(labels)[:, 1:],
    )


def _softmax(logits: Logits) -> Logits:
    wide = logits.astype(np.float64)
    share = np.exp(wide - wide.max(axis=1, keepdims=True))
    found: Logits = (share / share.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
