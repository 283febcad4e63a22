"""An inverted index over the passages of one request, made of whole-array operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.windows import Window

K1, B = 1.2, 0.75
"""BM25's saturation and length parameters, as Robertson and Zaragoza recommend them (2009)."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Postings:
    """Which word stands where.

    `keys` (w,) integers that identify words, in text order; `passage` (w,) the passage each
    stands in, `count` passages in all. `distinct` (u,) are the words there are, `first` (u,) where
    each stands first.
    """

    def __init__(self, keys: NDArray[np.integer[Any]], passage: Ints, count: int) -> None:
        self.count = count
        self.passage = passage
        self.distinct, self.first, word = np.unique(keys, return_index=True, return_inverse=True)
        # Places sorted by word: those of one word are a slice, rising.
        self._places = np.argsort(word, kind="stable")
        self._ends = np.append(0, np.cumsum(np.bincount(word, minlength=len(self.distinct))))
        self.lengths = np.bincount(passage, minlength=count).astype(np.float64)
        self.mean = max(float(self.lengths.mean()), 1.0) if count else 1.0

    def find(self, key: int) -> list[int]:
        """The number of a word in `distinct`, or nothing where it does not occur."""
        at = int(np.searchsorted(self.distinct, key))
        return [at] if at < len(self.distinct) and self.distinct[at] == key else []

    def places(self, words: Sequence[int], weights: Sequence[float]) -> tuple[Ints, Floats]:
        """Where any of `words` stands, rising, and the weight of each place's word."""
        slices = [self._places[self._ends[word] : self._ends[word + 1]] for word in words]
        at = np.concatenate([np.zeros(0, np.int64), *slices])
        weight = np.repeat(np.array(weights, np.float64), [len(part) for part in slices])
        order = np.argsort(at, kind="stable")
        return at[order], weight[order]

    def frequency(self, at: Ints, weight: Floats) -> Floats:
        """How often each passage (count,) holds one of the places `at`, by weight."""
        # Of no places bincount counts in integers.
        return np.bincount(self.passage[at], weight, minlength=self.count).astype(np.float64)


def rarity(frequency: Floats) -> float:
    """Inverse document frequency, over passages, of what occurs as `frequency` (n,) says.

    ln(1 + (N - n + 0.5) / (n + 0.5)): above zero even for a word that stands everywhere.
    """
    found = int(np.count_nonzero(frequency))
    return float(np.log1p((len(frequency) - found + 0.5) / (found + 0.5)))


def damping(lengths: Floats, mean: float) -> Floats:
    """BM25's denominator beside the frequency: larger for passages longer than the mean."""
    return K1 * (1 - B + B * lengths / mean)


def passages_of(windows: Sequence[Window]) -> tuple[Ints, int]:
    """The passage each token of `windows` belongs to, counted through all of them, and how many."""
    lengths = [window.units[:, 1] - window.units[:, 0] for window in windows]
    every = np.concatenate([np.zeros(0, np.int64), *lengths])
    return np.repeat(np.arange(len(every)), every), len(every)
