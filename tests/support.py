"""Real, tiny parts that tests share."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex

from cprs.critics.base import State, TokenScores
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window

_TOKEN = regex.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class DiceScorer:
    """Scores passages by a hash of the question and their tokens: any subset may win."""

    seed: int
    warnings: tuple[str, ...] = ()

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        return [self._score(window) for window in windows]

    def _score(self, window: Window) -> TokenScores:
        keep = np.empty(len(window), np.float32)
        for a, b in window.units:
            dice = zlib.crc32(window.token_ids[a:b].tobytes(), self.seed)
            keep[a:b] = (dice % 1000 + 1) / 1001
        return TokenScores(keep)


@dataclass(frozen=True, slots=True)
class DiceCritic:
    """A critic without a model: words are tokens, scores are dice that always fall the same."""

    name: str = "dice"
    window: int = 16
    threshold: float = 0.5

    def encode(self, text: str) -> Encoded:
        found = [
            (m.start(), m.end(), zlib.crc32(m[0].encode("utf-8", "replace")))
            for m in _TOKEN.finditer(text)
        ]
        table = np.array(found, np.int64).reshape(-1, 3)
        return Encoded((table[:, 2] & 0x7FFFFFFF).astype(np.int32), table[:, :2])

    def read(self, windows: Sequence[Window]) -> list[State]:
        return [() for _ in windows]

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> DiceScorer:
        return DiceScorer(zlib.crc32(guidance.question.encode("utf-8", "replace")))
