"""Windows: runs of whole passages that fit a critic."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cprs.checkpoint import EVERY, checkpoint
from cprs.units import IntArray


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text as tokens: `ids` (n,) int32 and `offsets` (n, 2) int64, code points [start, end).

    Offsets never go back; a token without text of its own is not listed.
    """

    ids: NDArray[np.int32]
    offsets: IntArray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Window:
    """A run of a document's tokens that a critic reads at once. Content only, no prompt.

    `start`, `end`: code points. `token_ids` (t,) int32, `offsets` (t, 2) int64 into the document.
    `units` (u, 2) int64: the passages inside as ranges of this window's tokens, none empty; they
    cover every token.
    """

    start: int
    end: int
    token_ids: NDArray[np.int32]
    offsets: IntArray
    units: IntArray

    def __len__(self) -> int:
        return len(self.token_ids)


def cut_windows(encoded: Encoded, passages: IntArray, *, size: int) -> list[Window]:
    """Cut a document's tokens into windows of at most `size` tokens, at passage borders.

    A passage longer than `size` is cut into parts of `size` tokens, each a unit of its own.
    Windows are filled from the start, so a text's windows do not depend on what follows them.

    >>> import numpy as np
    >>> encoded = Encoded(np.arange(5, dtype=np.int32), np.array([[0,1],[1,2],[2,3],[4,5],[5,6]]))
    >>> [len(w) for w in cut_windows(encoded, np.array([0, 2, 4, 6]), size=3)]
    [3, 2]
    """
    if size < 1:
        raise ValueError(f"window size must be at least 1, got {size}")
    if not len(encoded):
        return []
    # A token belongs to the passage its first code point lies in.
    owner = np.searchsorted(passages, encoded.offsets[:, 0], side="right") - 1
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    bounds = _cut_long(np.append(starts, len(encoded)), size)
    windows: list[Window] = []
    first = 0
    while first < len(bounds) - 1:
        if not len(windows) % EVERY:
            checkpoint()
        last = int(np.searchsorted(bounds, bounds[first] + size, side="right")) - 1
        windows.append(_window(encoded, bounds[first : last + 1]))
        first = last
    return windows


def _cut_long(bounds: IntArray, size: int) -> IntArray:
    lengths = np.diff(bounds)
    if not (lengths > size).any():
        return bounds
    parts = [np.arange(a, b, size) for a, b in pairwise(bounds)]
    return np.append(np.concatenate(parts), bounds[-1])


def _window(encoded: Encoded, bounds: IntArray) -> Window:
    a, b = int(bounds[0]), int(bounds[-1])
    offsets = encoded.offsets[a:b]
    return Window(
        start=int(offsets[0, 0]),
        end=int(offsets[-1, 1]),
        token_ids=encoded.ids[a:b],
        offsets=offsets,
        units=np.stack([bounds[:-1] - a, bounds[1:] - a], axis=1),
    )
