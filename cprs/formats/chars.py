"""Code points as arrays, their classes, and the borders between grapheme clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from cprs.checkpoint import cancellable, checkpoint
from cprs.units import IntArray

Codes = NDArray[Any]
"""Code points of a text: uint8 where it is ASCII, else uint32."""


def codes(text: str) -> Codes:
    """Code points (n,) of a text; lone surrogates are kept as they are."""
    checkpoint()
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


def classify(points: Codes, patterns: Sequence[regex.Pattern[str]]) -> NDArray[np.uint8]:
    """For each code point the number of the first pattern that matches it, from 1; 0 for none.

    Each pattern matches single characters. Only the distinct characters are looked at, so the
    cost beyond one table look-up per code point is small.

    >>> classify(codes("a1 "), [regex.compile(r"\\d"), regex.compile(r"\\s")]).tolist()
    [0, 1, 2]
    """
    if not len(points):
        return np.zeros(0, np.uint8)
    checkpoint()
    present = np.zeros(int(points.max()) + 1, bool)
    present[points] = True
    distinct = np.flatnonzero(present)
    chars = "".join(map(chr, distinct.tolist()))
    table = np.zeros(len(present), np.uint8)
    for number in range(len(patterns), 0, -1):
        found = [m.start() for m in patterns[number - 1].finditer(chars)]
        table[distinct[found]] = number
    return table[points]


# Two neighbours surely belong to different clusters when the left one is plain and the right one
# does not join, or the right one is plain and the left one does not prepend (UAX #29, GB3-GB13).
# Everything else (flags, Hangul jamo, emoji sequences, Indic conjuncts) is left to \X.
_PREPENDS = r"\p{GCB=Prepend}"
_JOINS = r"\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}\p{GCB=V}\p{GCB=T}"
_WAITS = r"\p{GCB=L}\p{GCB=LV}\p{GCB=LVT}\p{GCB=Regional_Indicator}"
_HALF = r"\p{Extended_Pictographic}\p{InSC=Consonant}"
_CLASSES = [
    regex.compile(pattern)
    for pattern in (r"\r", r"\n", f"[{_PREPENDS}]", f"[{_JOINS}]", f"[{_WAITS}]", f"[{_HALF}]")
]
_CR, _LF, _PREPEND, _JOIN, _WAIT, _HALF_PLAIN = range(1, 7)
# By class, from 0 (plain): may this character stand left, or right, of a sure border?
_LEFT = np.array([True, False, True, False, False, False, True])
_RIGHT = np.array([True, True, False, False, False, False, False])
_CLUSTER = regex.compile(r"\X")


def on_clusters(text: str, bounds: IntArray) -> IntArray:
    """`bounds` without those inside a grapheme cluster; the first and the last always stay."""
    inner = bounds[1:-1]
    if not len(inner) or (text.isascii() and "\r\n" not in text):
        return bounds
    classes = classify(codes(text), _CLASSES)
    sure = _sure(classes[inner - 1], classes[inner])
    if sure.all():
        return bounds
    keep = np.ones(len(bounds), bool)
    keep[1:-1][~sure] = _walk(text, classes, inner[~sure])
    return bounds[keep]


def _sure(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.bool_]:
    by_right = _RIGHT[right] & ((left != _PREPEND) | (right == _CR))
    by_left = _LEFT[left] & (right != _JOIN)
    result: NDArray[np.bool_] = by_right | by_left
    return result


def _walk(text: str, classes: NDArray[np.uint8], doubtful: IntArray) -> list[bool]:
    """For each doubtful place whether it is a border, walking clusters from a sure border on.

    The walk never goes back, so it is linear even where a whole text is doubtful.
    """
    sure = np.flatnonzero(_sure(classes[:-1], classes[1:])) + 1
    before = np.searchsorted(sure, doubtful) - 1
    starts = np.where(before >= 0, sure[before], 0) if len(sure) else np.zeros_like(doubtful)
    at = 0
    real = []
    for start, place in cancellable(zip(starts.tolist(), doubtful.tolist(), strict=True)):
        at = max(at, start)
        while at < place:
            at = _next_border(text, at, len(text))
        real.append(at == place)
    return real


def _next_border(text: str, start: int, stop: int) -> int:
    r"""The end of the cluster that begins at `start`, or `stop` where it does not end before.

    \X counts all flags before it, which is quadratic in a run of them, so it sees slices that
    begin at a border.
    """
    reach = 32
    while True:
        end = min(start + reach, stop)
        match = _CLUSTER.match(text[start:end])
        found = start + (match.end() if match else 1)
        if found < end or end == stop:
            return found
        reach *= 2


def last_border(text: str, start: int, limit: int) -> int:
    """The last border between clusters in (start, limit], for a `start` on a border.

    `limit` itself where one cluster fills the whole range.
    """
    border = start
    stop = min(limit + 1, len(text))
    while border < limit:
        after = _next_border(text, border, stop)
        if after > limit:
            break
        border = after
    return border if border > start else limit


def surely_apart(left: str, right: str) -> bool:
    """Whether two neighbouring characters are of different clusters whatever is around them."""
    if left.isascii() and right.isascii():
        return left != "\r" or right != "\n"
    pair = classify(codes(left + right), _CLASSES)
    return bool(_sure(pair[:1], pair[1:])[0])
