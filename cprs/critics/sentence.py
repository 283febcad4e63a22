"""The sentence-embedding baseline: each passage read alone, scored by its cosine to the query.

What retrieval over sentence chunks does. It is here to be measured against, over the same base
and the same passages as the embedded critic.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import State, TokenScores
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window

if TYPE_CHECKING:
    from cprs.critics.embedded_base import Base

Vector = NDArray[np.float32]


class SentenceCritic:
    """Cosine of mean-pooled sentence vectors, with no surroundings, no words, no calibration."""

    threshold = 0.4

    def __init__(self, base: Base) -> None:
        self._base = base
        self.name = f"minilm-{base.name}"
        self.window = base.window

    @classmethod
    def load(cls, path: Path | None = None) -> SentenceCritic:
        """With the weights in `path`, by default the shipped ones. Raises `WeightsError`."""
        from cprs.critics.embedded_base import Base

        return cls(Base.load(path))

    def encode(self, text: str) -> Encoded:
        """The base's tokens."""
        return self._base.encode(text)

    def read(self, windows: Sequence[Window]) -> list[State]:
        """A unit vector per passage, and which passages they are of."""
        return [self._read(window) for window in windows]

    def _read(self, window: Window) -> State:
        vectors = [self._vector(window.token_ids[a:b]) for a, b in window.units.tolist()]
        return np.stack(vectors), window.units

    def _vector(self, token_ids: NDArray[np.int32]) -> Vector:
        return _unit(self._base.read(token_ids))

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> SentenceScorer:
        """Embed the question. `windows` do not matter to it."""
        _, states, shortened = self._base.embed_query(guidance.question)
        return SentenceScorer(self, _unit(states), shortened)


class SentenceScorer:
    """Cosines under one question; below zero counts as zero."""

    def __init__(self, critic: SentenceCritic, query: Vector, shortened: bool) -> None:
        self._critic = critic
        self._query = query
        self.warnings: tuple[str, ...] = ()
        if shortened:
            self.warnings = ("the query is longer than the critic reads: its two ends are used",)

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows; each token carries its passage's score."""
        return [self._score(w, s) for w, s in zip(windows, states, strict=True)]

    def _score(self, window: Window, state: State) -> TokenScores:
        # The same tokens may have been read cut into other passages.
        if not np.array_equal(state[1], window.units):
            (state,) = self._critic.read([window])
        cosines = (state[0].astype(np.float64) * self._query).sum(axis=1)
        keep = np.round(np.clip(cosines, 0, 1), 5).astype(np.float32)
        return TokenScores(keep=np.repeat(keep, window.units[:, 1] - window.units[:, 0]))


def _unit(states: Vector) -> Vector:
    """The mean of token states (t, width), at length 1; zeros of no tokens."""
    mean = states.sum(axis=0, dtype=np.float64)
    unit: Vector = (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
    return unit
