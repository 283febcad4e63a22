"""Passages: the pieces a critic scores as one, cut so that they nest with the units."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from cprs.checkpoint import EVERY, cancellable, checkpoint
from cprs.formats.chars import last_border, surely_apart
from cprs.units import PASSAGE_LIMIT, IntArray

_TO_LAST_SPACE = re.compile(r".*\s", re.DOTALL)


def merge(*bounds: IntArray) -> IntArray:
    """All bounds together, in order, each once."""
    checkpoint()
    # Marking places is linear, and several times faster than sorting them.
    marked = np.zeros(max(int(b.max()) for b in bounds if len(b)) + 1, bool)
    for places in bounds:
        marked[places] = True
    return np.flatnonzero(marked).astype(np.int64)


def cut_long(text: str, bounds: IntArray, *, limit: int = PASSAGE_LIMIT) -> IntArray:
    """Add bounds so that no piece is longer than `limit`.

    A cut comes after the last white space that still fits, else between grapheme clusters, else
    (in a cluster longer than `limit`) anywhere. Pieces are filled from their start.
    """
    long = np.flatnonzero(np.diff(bounds) > limit)
    if not len(long):
        return bounds
    cuts: list[int] = []
    for i in long.tolist():
        at, end = int(bounds[i]), int(bounds[i + 1])
        while end - at > limit:
            if not len(cuts) % EVERY:
                checkpoint()
            at = _cut(text, at, at + limit)
            cuts.append(at)
    return merge(bounds, np.array(cuts, np.int64))


def _cut(text: str, start: int, limit: int) -> int:
    space = _TO_LAST_SPACE.match(text, start, limit)
    for place in (space.end() if space else limit, limit):
        if surely_apart(text[place - 1], text[place]):
            return place
    return last_border(text, start, limit)


def passages(text: str, pieces: IntArray, units: IntArray) -> IntArray:
    """Bounds of the passages of a layout: `pieces` (sentences or lines), fitted to the units.

    Each passage lies in one unit: the bounds of the units join those of the pieces, and what is
    longer than `PASSAGE_LIMIT` is cut.
    """
    return cut_long(text, merge(pieces, units))


def passages_of_words(pieces: IntArray, words: IntArray) -> IntArray:
    """Bounds of passages made of whole `words`: the pieces, cut at words where they are long.

    `words` must hold every bound of `pieces`, and none may be longer than `PASSAGE_LIMIT`.
    """
    long = np.flatnonzero(np.diff(pieces) > PASSAGE_LIMIT)
    if not len(long):
        return pieces
    cuts: list[int] = []
    for i in cancellable(long.tolist()):
        at, end = int(pieces[i]), int(pieces[i + 1])
        while end - at > PASSAGE_LIMIT:
            at = int(words[np.searchsorted(words, at + PASSAGE_LIMIT, side="right") - 1])
            cuts.append(at)
    return merge(pieces, np.array(cuts, np.int64))


def group(bounds: IntArray, limit: int) -> IntArray:
    """Join neighbouring pieces, from the start, to groups of at most `limit` code points."""
    kept = [0]
    places = bounds.tolist()
    for place, after in cancellable(pairwise(places[1:])):
        if after - kept[-1] > limit:
            kept.append(place)
    return np.array([*kept, places[-1]], np.int64) if len(places) > 1 else bounds
