"""A critic that tells numbers and names from all other words: tags and labels without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex

from cprs.critics.base import State, TokenScores
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window

OTHER, NUMBER, NAME, HEDGE = range(4)


@dataclass(frozen=True, slots=True)
class KindsScorer:
    """Numbers and names are evidence; so is a hedge, which is outside all labels."""

    labels: int
    tagging: bool
    warnings: tuple[str, ...] = ()

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        return [self._score(window) for window in windows]

    def _score(self, window: Window) -> TokenScores:
        found = window.token_ids != OTHER
        keep = np.zeros(len(window), np.float32)
        for a, b in window.units:
            keep[a:b] = 0.9 if found[a:b].any() else 0.1
        tags = np.where(found[:, None], [0.4, 0.3, 0.1, 0.2], [0.02, 0.02, 0.95, 0.01])
        called = np.full((len(window), self.labels), 0.02)
        for label, kind in enumerate((NUMBER, NAME)[: self.labels]):
            called[window.token_ids == kind, label] = 0.8
        return TokenScores(
            keep=keep,
            tags=tags.astype(np.float32) if self.tagging else None,
            labels=called.astype(np.float32) if self.labels else None,
        )


@dataclass(frozen=True, slots=True)
class KindsCritic:
    """A critic without a model: it tells numbers, names and "maybe" from all other words."""

    tagging: bool = True
    name: str = "kinds"
    window: int = 64
    threshold: float = 0.5

    def encode(self, text: str) -> Encoded:
        found = list(regex.finditer(r"\w+|[^\w\s]", text))
        kinds = [
            NUMBER
            if m[0].isdigit()
            else HEDGE
            if m[0] == "Maybe"
            else NAME
            if m[0] in ("Ann", "Bob")
            else OTHER
            for m in found
        ]
        offsets = np.array([m.span() for m in found], np.int64).reshape(-1, 2)
        return Encoded(np.array(kinds, np.int32), offsets)

    def read(self, windows: Sequence[Window]) -> list[State]:
        return [() for _ in windows]

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> KindsScorer:
        return KindsScorer(len(guidance.labels), self.tagging)
