"""A critic whose tags stand in the text itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cprs.critics.base import State, TokenScores
from cprs.decode import Decoding
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window


@dataclass(frozen=True)
class Tagging:
    """A critic that reads tags from the text itself: code points are tokens, capitals are B,
    small letters I, digits E, and all else O."""

    decoding: Decoding | None = None
    name: str = "tagging"
    window: int = 7
    threshold: float = 0.5
    warnings: tuple[str, ...] = ()

    def encode(self, text: str) -> Encoded:
        ids = np.array([ord(c) for c in text], np.int32)
        places = np.arange(len(text), dtype=np.int64)
        return Encoded(ids, np.stack([places, places + 1], axis=1))

    def read(self, windows: Sequence[Window]) -> list[State]:
        return [()] * len(windows)

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Tagging:
        return self

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        found = []
        for window in windows:
            text = "".join(map(chr, window.token_ids))
            tags = np.zeros((len(text), 4), np.float32)
            for place, c in enumerate(text):
                tags[place, 0 if c.isupper() else 1 if c.islower() else 3 if c.isdigit() else 2] = 1
            found.append(TokenScores(1 - tags[:, 2], tags))
        return found
