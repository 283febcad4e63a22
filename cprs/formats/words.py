"""Words: what is left of a text between its white space and its punctuation."""

from __future__ import annotations

import numpy as np
import regex
from numpy.typing import NDArray

from cprs.formats.chars import Codes, classify, codes, on_clusters
from cprs.units import IntArray

# Joins what comes before it whatever that is; its class is that of the character before.
_MARK = regex.compile(r"[\p{M}\p{GCB=Extend}\p{GCB=ZWJ}]")
_SPACE = regex.compile(r"\s")
# Scripts written without spaces, and pictures: each cluster is a word.
_ALONE = regex.compile(
    r"[[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Extended_Pictographic}\p{Regional_Indicator}]"
    r"--[\x00-\xff]]",
    regex.V1,
)
_LETTER = regex.compile(r"[\p{L}\p{N}\p{Sc}%‰°#@_+]")
# Joins the letters on both sides of it: don't, e-mail, 3.14, and/or, a@b.org, http://x.y?z=1.
_SOFT = regex.compile(r"[\-.'’‘‐‑·:/&=~?!*$^`\\\p{C}]")
_CLASSES = [_MARK, _SPACE, _ALONE, _LETTER, _SOFT]
MARK, SPACE, ALONE, LETTER, SOFT, HARD = 1, 2, 3, 4, 5, 0


def words(text: str) -> IntArray:
    """Bounds of the words and of the punctuation between them, each with the space after it.

    >>> text = "It's 3.14, see a@b.org!"
    >>> bounds = words(text).tolist()
    >>> [text[a:b] for a, b in zip(bounds, bounds[1:])]
    ["It's ", '3.14', ', ', 'see ', 'a@b.org', '!']
    """
    return words_of(text, char_classes(codes(text)))


def char_classes(points: Codes) -> NDArray[np.uint8]:
    """The class of each character: SPACE, ALONE, LETTER, SOFT or HARD; marks are resolved."""
    classes = classify(points, _CLASSES)
    comma = np.flatnonzero(points[1:-1] == 44) + 1
    # A comma between digits belongs to the number.
    digits = (points[comma - 1] - 48 < 10) & (points[comma + 1] - 48 < 10)
    classes[comma[digits]] = SOFT
    if points.dtype != np.uint8:
        mark = classes == MARK
        if mark.any():
            base = np.where(mark, 0, np.arange(len(points), dtype=np.int32))
            classes = classes[np.maximum.accumulate(base)]
            classes[classes == MARK] = LETTER
    return classes


def words_of(text: str, classes: NDArray[np.uint8]) -> IntArray:
    """`words` for a text whose `char_classes` are at hand."""
    n = len(classes)
    if not n:
        return np.zeros(1, np.int64)
    change = classes[1:] != classes[:-1]
    change |= classes[1:] == ALONE
    run = np.append(0, np.flatnonzero(change) + 1)
    kind = classes[run]
    before = np.append(SPACE, kind[:-1])
    after = np.append(kind[1:], SPACE)
    joins = (kind == SOFT) & (before == LETTER) & (after == LETTER)
    punctuation = (kind == SOFT) | (kind == HARD)
    starts = kind != SPACE
    starts &= ~joins
    # A letter run behind a joining one goes on with the word.
    starts[1:] &= ~joins[:-1]
    # Punctuation of both kinds side by side is one unit.
    starts[1:] &= ~(punctuation[1:] & punctuation[:-1])
    if kind[0] == SPACE and len(starts) > 1:
        starts[1] = False
    starts[0] = True
    return on_clusters(text, np.append(run[starts], n).astype(np.int64))
