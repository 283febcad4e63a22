"""Where the prompts lie in a step's packed tokens: in a frozen hybrid they see only themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PARTS = 3
"""A prompt's parts, each behind a marker: system, user, context."""


@dataclass(frozen=True, slots=True)
class PromptFinder:
    """Finds prompts by their markers, which no document holds (`Tokens` reads them as text).

    `begin` is the marker's id, `head` the number of tokens between the last one and the window.
    """

    begin: int
    head: int

    def find(
        self, ids: NDArray[np.integer[Any]], positions: NDArray[np.integer[Any]]
    ) -> list[tuple[int, int]]:
        """The prompts [start, end) among packed tokens (n,), one per sequence that begins here.

        A sequence begins at position 0 and ends where positions do not go on. One with fewer
        markers than a prompt has none.

        >>> ids = np.array([1, 7, 1, 7, 1, 8, 9, 9, 5, 1, 1, 1, 8, 9])
        >>> positions = np.array([0, 1, 2, 3, 4, 5, 6, 7, 3, 0, 1, 2, 3, 4])
        >>> PromptFinder(begin=1, head=1).find(ids, positions)
        [(0, 6), (9, 13)]
        """
        if not len(ids):
            return []
        borders = np.append(np.flatnonzero(np.diff(positions, prepend=-2) != 1), len(ids))
        marks = np.flatnonzero(ids == self.begin)
        found = []
        for start, end in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
            last = int(np.searchsorted(marks, start)) + PARTS - 1
            if positions[start] == 0 and last < len(marks) and marks[last] < end:
                found.append((start, min(int(marks[last]) + 1 + self.head, end)))
        return found
