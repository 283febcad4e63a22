"""A static vector per token of the vocabulary, from the base's own word embeddings.

The base was trained to compare sentences, and its word embeddings with it: less what all tokens
share, reduced to the directions that vary most (PCA), they compare words about as well.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cprs.critics.skim import StaticVectors
from cprs.critics.weights import MODEL, SHIPPED
from cprs.errors import WeightsError
from cprs.train.extras import require

WIDTH = 64
"""Directions kept of each embedding."""
COMMON = 1e-3
"""The share of a text above which a token counts less than half in a mean (SIF)."""

Floats = NDArray[np.float32]


def word_embeddings(folder: Path | None = None) -> Floats:
    """The embeddings (v, d) of an exported base, by default the shipped one."""
    require("onnx", what="reading the base's word embeddings")
    import onnx
    from onnx.numpy_helper import to_array

    path = (folder or SHIPPED) / MODEL
    held = {part.name: to_array(part) for part in onnx.load(path).graph.initializer}
    if "words" not in held:
        raise WeightsError(f"{path} holds no word embeddings: export the base again")
    words: Floats = held["words"].astype(np.float32) * held.get("words_scale", np.float32(1))
    return words


def static_vectors(
    words: Floats,
    frequency: NDArray[np.int64],
    *,
    learnt: NDArray[np.bool_] | None = None,
    width: int = WIDTH,
) -> StaticVectors:
    """The table, from `words` (v, d) and how often each token occurs in some text (v,). Of tokens
    that are not `learnt` (v,) it says nothing: they count as nothing, and are like nothing."""
    share = (frequency + 0.5) / (frequency.sum() + 0.5 * len(frequency))
    # Rare tokens are many and hardly matter: each counts by the root of its share.
    weight = np.sqrt(share)[:, None]
    states = words - (words * weight).sum(axis=0) / weight.sum()
    _, directions = np.linalg.eigh((states * weight).T @ states)
    reduced = states @ directions[:, ::-1][:, :width]
    steps = reduced / np.maximum(np.abs(reduced).max(axis=1, keepdims=True), 1e-9) * 127
    worth = COMMON / (COMMON + share)
    if learnt is not None:
        steps[~learnt], worth[~learnt] = 0, 0
    return StaticVectors(np.rint(steps).astype(np.int8), worth.astype(np.float32))
