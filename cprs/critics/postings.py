"""An inverted index over the passages of one request, made of whole-array operations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cprs.windows import Window

K1, B = 1.2, 0.75
"""BM25's saturation and length parameters, as Robertson and Zaragoza recommend them (2009)."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Postings:
    """Which word stands in which passage, how often.

    `keys` (w,) any integers that identify words, `passage` (w,) the passage each stands in,
    `count` passages in all. `distinct` (u,) are the words there are, rising; `first` (u,) where
    each stands first.
    """

    def __init__(self, keys: NDArray[np.integer], passage: Ints, count: int) -> None:
        self.count = count
        self.distinct, self.first, word = np.unique(keys, return_index=True, return_inverse=True)
        # Occurrences sorted by word: a word's passages are one slice.
        self._passage = passage[np.argsort(word, kind="stable")]
        self._ends = np.append(0, np.cumsum(np.bincount(word, minlength=len(self.distinct))))
        self.lengths = np.bincount(passage, minlength=count).astype(np.float64)
        mean = self.lengths.mean() if len(passage) else 1.0
        self.damping: Floats = K1 * (1 - B + B * self.lengths / mean)

    def find(self, key: int) -> int:
        """The number of a word in `distinct`, or -1 where it does not occur."""
        at = int(np.searchsorted(self.distinct, key))
        return at if at < len(self.distinct) and self.distinct[at] == key else -1

    def frequency(self, words: Sequence[int], weights: Sequence[float]) -> Floats:
        """How often each passage (count,) holds any of `words`, each counted by its weight."""
        found = np.zeros(self.count)
        for word, weight in zip(words, weights, strict=True):
            at = self._passage[self._ends[word] : self._ends[word + 1]]
            found += weight * np.bincount(at, minlength=self.count)
        return found

    def rarity(self, frequency: Floats) -> float:
        """Inverse document frequency, over passages, of what occurs as `frequency` says.

        ln(1 + (N - n + 0.5) / (n + 0.5)): above zero even for a word that stands everywhere.
        """
        n = int(np.count_nonzero(frequency))
        return float(np.log1p((self.count - n + 0.5) / (n + 0.5)))

    def saturated(self, frequency: Floats) -> Floats:
        """BM25's term weight without the rarity: 0 where absent, below 1 for many occurrences."""
        return frequency / (frequency + self.damping)


def passages_of(windows: Sequence[Window]) -> tuple[Ints, int]:
    """The passage each token of `windows` belongs to, counted through all of them, and how many."""
    lengths = [window.units[:, 1] - window.units[:, 0] for window in windows]
    every = np.concatenate([np.zeros(0, np.int64), *lengths])
    return np.repeat(np.arange(len(every)), every), len(every)
