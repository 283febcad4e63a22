"""Lines, and the blank-line paragraphs made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

from cprs.formats.chars import Codes, classify, codes
from cprs.units import IntArray

WRAP_LIMIT = 120
"""Columns of the longest line that may be hard-wrapped prose; a longer one is a paragraph."""

_SPACE = regex.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Rows:
    """The lines of a text as columns.

    `bounds` (n+1,) of the lines, each with its line end; `first`, `last` (n,): where a line's
    text begins and ends without the white space around it, both equal where it is `blank` (n,).
    """

    bounds: IntArray
    first: IntArray
    last: IntArray
    blank: NDArray[np.bool_]


def lines(text: str) -> IntArray:
    r"""Bounds of the lines: each ends with \n, \r\n, \r, U+2028 or U+2029.

    >>> lines("a\r\nb").tolist()
    [0, 3, 4]
    """
    return _bounds(codes(text))


def _bounds(points: Codes) -> IntArray:
    n = len(points)
    if not n:
        return np.zeros(1, np.int64)
    feed = points == 10
    ends = feed | (points == 13)
    # \r\n is one line end.
    ends[:-1] &= ~((points[:-1] == 13) & feed[1:])
    if points.dtype != np.uint8:
        ends |= (points == 0x2028) | (points == 0x2029)
    places = np.flatnonzero(ends) + 1
    if not len(places) or places[-1] != n:
        places = np.append(places, n)
    return np.append(0, places).astype(np.int64)


def rows(text: str, points: Codes | None = None) -> Rows:
    """The lines of `text` with where their words begin and end."""
    points = codes(text) if points is None else points
    bounds = _bounds(points)
    ink = np.flatnonzero(classify(points, [_SPACE]) == 0)
    if not len(ink):
        n = len(bounds) - 1
        return Rows(bounds, bounds[:-1], bounds[:-1], np.ones(n, bool))
    at = np.searchsorted(ink, bounds)
    blank = at[1:] == at[:-1]
    first = np.where(blank, bounds[:-1], ink[np.minimum(at[:-1], len(ink) - 1)])
    last = np.where(blank, bounds[:-1], ink[at[1:] - 1] + 1)
    return Rows(bounds, first, last, blank)


def filled_lines(text: str) -> IntArray:
    r"""Bounds of the lines that hold something, each with the blank lines after it.

    >>> filled_lines("a\n\nb").tolist()
    [0, 3, 4]
    """
    table = rows(text)
    starts = table.bounds[:-1][~table.blank]
    edges = [0, len(text)] if text else [0]
    return np.concatenate([edges[:1], starts[1:], edges[1:]]).astype(np.int64)


def paragraphs(text: str) -> IntArray:
    r"""Bounds of the paragraphs, each with the blank lines after it.

    A blank line ends a paragraph, and so does the end of a line longer than `WRAP_LIMIT`.

    >>> paragraphs("One\ntwo.\n\nThree.").tolist()
    [0, 10, 16]
    """
    table = rows(text)
    full = np.flatnonzero(~table.blank)
    if len(full) < 2:
        return np.unique(np.array([0, len(text)], np.int64))
    apart = np.diff(full) > 1
    long = (table.last - table.first)[full[:-1]] > WRAP_LIMIT
    starts = table.bounds[full[1:][apart | long]]
    return np.concatenate([[0], starts, [len(text)]]).astype(np.int64)
