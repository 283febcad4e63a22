"""Clauses: the parts of sentences that are left when a whole one no longer fits."""

from __future__ import annotations

import re

import numpy as np

from cprs.formats.chars import codes, on_clusters
from cprs.formats.passages import merge
from cprs.formats.sentences import sentences
from cprs.formats.words import ALONE, HARD, SOFT, SPACE, char_classes, words_of
from cprs.units import IntArray

CLAUSE_WORDS = 16
"""Words in a clause at most; a character of a script without spaces counts as half a word."""

_BREAK = re.compile(r"[,;:،؛][\"'”’)\]]*\s+|[，；：、][”’」』）]*\s*|\s[–—-]\s+|[—–]\s*(?=[^\W\d])")


def clauses(text: str) -> IntArray:
    """Bounds of the clauses: sentences cut at commas, colons and dashes, then every 16 words.

    >>> clauses("It rained, so we left: late.").tolist()
    [0, 11, 23, 28]
    """
    if not text:
        return np.zeros(1, np.int64)
    breaks = np.fromiter((m.end() for m in _BREAK.finditer(text)), np.int64)
    breaks = breaks[breaks < len(text.rstrip())]
    found = on_clusters(text, merge(sentences(text), breaks))
    classes = char_classes(codes(text))
    words = words_of(text, classes)
    first = classes[words[:-1]]
    weight = np.where(first == ALONE, 1, np.where(np.isin(first, (SPACE, SOFT, HARD)), 0, 2))
    # Half words before each word, since its clause began.
    total = np.append(0, np.cumsum(weight))
    clause = np.searchsorted(found, words[:-1], side="right") - 1
    begins = np.searchsorted(words, found[clause])
    part = np.maximum(total[:-1] - total[begins], 0) // (2 * CLAUSE_WORDS)
    # Punctuation never begins a part: the word behind it does.
    at = np.flatnonzero(weight)
    clause, part = clause[at], part[at]
    begins_part = (clause[1:] == clause[:-1]) & (part[1:] > part[:-1])
    return merge(found, words[at[1:][begins_part]])
