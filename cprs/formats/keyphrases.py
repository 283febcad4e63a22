"""Keyphrases: runs of content words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cprs.checkpoint import cancellable
from cprs.formats.stopwords import STOP_CHARACTERS, STOPWORDS
from cprs.formats.words import ALONE, LETTER
from cprs.units import IntArray

PHRASE_LIMIT = 6
"""Words in a keyphrase at most; of scripts without spaces, characters."""


def join_content(
    text: str, words: IntArray, classes: NDArray[np.uint8], borders: IntArray
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Join neighbouring content words; stop words and punctuation stay alone.

    `classes` are the text's character classes, `borders` bounds that no phrase crosses.
    Returns the bounds (n+1,) and which of the n pieces are of content.
    """
    n = len(words) - 1
    if n <= 0:
        return words, np.zeros(0, bool)
    first = classes[words[:-1]]
    content = (first == LETTER) | (first == ALONE)
    edges = words.tolist()
    for i in cancellable(np.flatnonzero(content).tolist()):
        word = text[edges[i] : edges[i + 1]].strip()
        if word.lower() in STOPWORDS or word in STOP_CHARACTERS or "ぁ" <= word[:1] <= "ゖ":
            content[i] = False
    glued = content[1:] & content[:-1] & (first[1:] == first[:-1])
    glued &= ~np.isin(words[1:-1], borders)
    # A number of its own run for each phrase, and a word's place within it.
    starts = np.append(True, ~glued)
    run = np.maximum.accumulate(np.where(starts, np.arange(n), 0))
    starts |= (np.arange(n) - run) % PHRASE_LIMIT == 0
    return np.append(words[:-1][starts], words[-1]), content[starts]
