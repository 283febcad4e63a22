"""Line ends: which of them end a sentence and which merely wrap hard-wrapped prose."""

from __future__ import annotations

import re

import numpy as np
import regex
from numpy.typing import NDArray

from cprs.formats.chars import Codes, classify
from cprs.formats.lines import WRAP_LIMIT, rows
from cprs.units import IntArray

NARROWEST = 40
"""Columns of the shortest line that may be a wrapped one."""

_BEGINNING = 5
_SPACE = regex.compile(r"\s")
_WIDE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\u3000-\u303f\uff00-\uff60]")
_LOWER = regex.compile(r"[\p{Ll}]")
_UPPER = regex.compile(r"[\p{Lu}\p{Lt}\p{Lo}]")
_DIGIT = regex.compile(r"\d")
_OPEN = regex.compile(r"[\"'“‘«„(\[¿¡]")
_COMMA = regex.compile(r"[,;\-–—،、，]")
_CLASSES = [_SPACE, _WIDE, _LOWER, _UPPER, _DIGIT, _OPEN, _COMMA]
_BLANK, WIDE, LOWER, UPPER, DIGIT, OPEN, COMMA = range(1, 8)
_NUMBER = re.compile(r"\d{1,4}(?:st|nd|rd|th|%|[,.;:)])?\s+[^\W\d]")
_SMALL = re.compile(
    r"\b(?:a|an|the|of|in|on|at|to|for|from|by|with|and|or|but|as|is|are|was|were|be|been|that|"
    r"which|who|his|her|its|their|this|than|not|no|into|has|had|have|der|die|das|und|von|den|de|"
    r"la|le|les|des|du|et|el|los|las|y|en|il|di|e|o)$"
)


def line_starts(text: str, points: Codes) -> IntArray:
    r"""Where a line begins a sentence because of the line end before it; 0 is not listed.

    A blank line always ends a sentence. A single line end does unless it wraps prose: the line
    before is 40 to 120 columns, and the word after the line end would not have fitted into the
    widest of the lines next to it (what filling lines greedily leaves behind). At most three
    lines around a line end are looked at, so what is far away does not matter.
    """
    table = rows(text, points)
    full = np.flatnonzero(~table.blank)
    if len(full) < 2:
        return np.zeros(0, np.int64)
    start, first, last = table.bounds[full], table.first[full], table.last[full]
    adjacent = np.diff(full) == 1
    indent = first - start
    classes = classify(points, _CLASSES)
    width = _widths(classes, first, last)
    word = _first_words(classes, first, last)
    # Pair i stands for the line end between the full lines i and i + 1.
    fits = (width[:-1] >= NARROWEST) & (width[:-1] <= WRAP_LIMIT)
    may = adjacent & fits & (indent[1:] <= indent[:-1]) & ~_alike(points, classes, first, last)
    if not may.any():
        return start[1:]
    filled, tight = _filled(width, word, adjacent)
    head, tail = classes[first[1:]], classes[last[:-1] - 1]
    flowing = (tail == LOWER) | (tail == COMMA) | (tail == WIDE)
    opened = (head == OPEN) | (head == WIDE) | (head == UPPER)
    wraps = may & (
        ((head == LOWER) & (filled | flowing | (tail == UPPER) | (tail == DIGIT)))
        | (opened & filled & flowing & tight)
    )
    unsure = np.flatnonzero(may & ~wraps & filled & flowing & (opened | (head == DIGIT)))
    for i in unsure.tolist():
        wraps[i] = _reads_on(text, int(first[i]), int(last[i]), int(first[i + 1]), int(head[i]))
    breaks: IntArray = start[1:][~wraps]
    return breaks


def _alike(
    points: Codes, classes: NDArray[np.uint8], first: IntArray, last: IntArray
) -> NDArray[np.bool_]:
    """For each line end whether lists or tables stand around it: lines that begin alike, cells."""
    quoted = classes[first] == OPEN
    alike = quoted[1:] & quoted[:-1]
    enough = last - first >= _BEGINNING
    at = np.minimum(first, len(points) - _BEGINNING)
    same = enough[1:] & enough[:-1]
    for i in range(_BEGINNING):
        begins = points[at + i]
        same &= begins[1:] == begins[:-1]
    bar = np.flatnonzero(points == ord("|"))
    cells = np.searchsorted(bar, last) > np.searchsorted(bar, first)
    result: NDArray[np.bool_] = alike | same | cells[1:] | cells[:-1]
    return result


def _widths(classes: NDArray[np.uint8], first: IntArray, last: IntArray) -> IntArray:
    """Columns of each line; a wide character takes two."""
    wide = np.flatnonzero(classes == WIDE)
    twice = np.searchsorted(wide, last) - np.searchsorted(wide, first)
    width: IntArray = last - first + twice
    return width


def _first_words(classes: NDArray[np.uint8], first: IntArray, last: IntArray) -> IntArray:
    """Columns of what could not have been cut from the beginning of each line."""
    space = np.append(np.flatnonzero(classes == _BLANK), len(classes))
    word = np.minimum(space[np.searchsorted(space, first)], last) - first
    result: IntArray = np.where(classes[first] == WIDE, 2, word)
    return result


def _filled(
    width: IntArray, word: IntArray, adjacent: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each line end whether its line was full, and whether a neighbour bears that out."""
    joined = np.append(adjacent, False)
    before = np.where(np.append(False, adjacent[:-1]), np.append(0, width[:-2]), 0)
    after = np.where(joined[1:], np.append(width[2:], 0), 0)
    widest = np.maximum(np.maximum(width[:-1], width[1:]), np.maximum(before, after))
    full = width[:-1] + 1 + word[1:] > widest
    near = np.append(False, full[:-1] & adjacent[:-1]) | np.append(full[1:] & adjacent[1:], False)
    return full & adjacent, near & adjacent


def _reads_on(text: str, first: int, last: int, after: int, head: int) -> bool:
    """Whether the words on both sides of a line end belong together, without other evidence."""
    if head == DIGIT:
        return _NUMBER.match(text, after) is not None
    return (
        text[last - 1] in ",;，、" or _SMALL.search(text, max(first, last - 12), last) is not None
    )
