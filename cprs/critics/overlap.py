"""What each token repeats of the question: exact on UUIDs and numbers, where meaning is blind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cprs.critics.postings import Ints
from cprs.windows import Window

Ids = NDArray[np.int32]
Floats = NDArray[np.float32]

TOKEN_FEATURES = ("occurs", "worth", "together", "begins", "ends")
"""The token is one of the question's; how rare it is here, 0 to 1, if so; it and a neighbour are
neighbours in the question; it is a passage's first token, or its last."""


class Overlap:
    """The tokens `asked` (q,) of a question, and how rare each is in all `windows` together.

    Linear in the number of tokens; stateless once made.
    """

    def __init__(self, asked: Ids, windows: Sequence[Window], *, vocabulary: int) -> None:
        self._asked = np.zeros(vocabulary, bool)
        self._asked[asked] = True
        count = np.zeros(vocabulary, np.int64)
        for window in windows:
            np.add.at(count, window.token_ids[self._asked[window.token_ids]], 1)
        total = max(sum(len(window) for window in windows), 1)
        rarity = np.log1p(total / (1 + count[asked])) / np.log1p(total)
        self._worth = np.zeros(vocabulary, np.float32)
        self._worth[asked] = rarity
        self._size = vocabulary
        self._pairs = np.unique(self._pair(asked))

    def features(self, ids: Ids, units: Ints) -> Floats:
        """Features (t, len(TOKEN_FEATURES)) of the tokens `ids` (t,) in passages `units` (u, 2)."""
        found = np.zeros((len(ids), len(TOKEN_FEATURES)), np.float32)
        found[:, 0] = self._asked[ids]
        found[:, 1] = self._worth[ids]
        pairs = np.isin(self._pair(ids), self._pairs)
        found[:-1, 2] = pairs
        found[1:, 2] = np.maximum(found[1:, 2], pairs)
        found[units[:, 0], 3] = 1
        found[units[:, 1] - 1, 4] = 1
        return found

    def _pair(self, ids: Ids) -> Ints:
        return ids[:-1].astype(np.int64) * self._size + ids[1:]
