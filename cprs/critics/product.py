"""Matrix products that stay on the thread that asks for them, and vectors of length 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ENTRIES, COLUMNS = 8_000, 16
"""A piece is at most this many entries of the left matrix, times so many columns of the right."""


def product(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """`left` (r, k) @ `right` (k, c), in pieces too small for BLAS to share among threads.

    Windows are scored side by side on every core already. A product that spreads over all cores
    would wait for the others' threads: measured, 100 times as long on a busy machine. The order
    of additions is then fixed by the shapes alone.
    """
    rows = max(ENTRIES // max(left.shape[1], 1), 1)
    out = np.empty((len(left), right.shape[1]), np.result_type(left, right))
    for i in range(0, len(left), rows):
        for j in range(0, right.shape[1], COLUMNS):
            np.matmul(
                left[i : i + rows],
                right[:, j : j + COLUMNS],
                out=out[i : i + rows, j : j + COLUMNS],
            )
    return out


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (..., d) of length 1; of almost none they stay short."""
    norm = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    found: NDArray[np.float32] = np.divide(vectors, np.maximum(norm, 1e-6), dtype=np.float32)
    return found
