"""Line numbers, for people."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate


class Lines:
    """Line numbers of a text, from 1, by code point. A line ends with its line feed.

    >>> Lines("a\\nb").of(2)
    2
    """

    def __init__(self, text: str) -> None:
        lengths = (len(line) + 1 for line in text.split("\n"))
        self._starts = [0, *accumulate(lengths)]

    def of(self, position: int) -> int:
        """The line that holds the code point at `position`."""
        return bisect_right(self._starts, position)
