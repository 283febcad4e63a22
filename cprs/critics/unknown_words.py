"""Words that a vocabulary lacks, told apart.

WordPiece makes one token of them all, and an English vocabulary lacks most Chinese characters: such
a text is a row of equal tokens in which no word of a question can be found. Here each of these
words takes one of the ids that the vocabulary keeps unused, by its hash. The model, which learnt
nothing of those, still reads "unknown".
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from cprs.checkpoint import cancellable
from cprs.windows import Encoded

UNKNOWN = "[UNK]"
_SPARE = re.compile(r"\[unused(\d+)\]")
_PRIVATE = 0xE000
"""Unicode's characters for private use begin here."""

Ids = NDArray[np.int32]


class UnknownWords:
    """The spare ids of a vocabulary, its tokens by id. Stateless once made; without spare ids
    nothing is told apart."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        spare = [number for number, piece in enumerate(vocabulary) if _SPARE.fullmatch(piece)]
        self._spare = spare if UNKNOWN in vocabulary else []
        self._unknown = vocabulary.index(UNKNOWN) if self._spare else -1
        self._learnt = np.arange(len(vocabulary), dtype=np.int32)
        self._learnt[self._spare] = self._unknown

    def told_apart(self, text: str, encoded: Encoded) -> Encoded:
        """The same tokens of `text`, with spare ids for unknown words. What has neither letter nor
        digit is no word and stays unknown."""
        if not self._spare:
            return encoded
        places = np.flatnonzero(encoded.ids == self._unknown)
        if not len(places):
            return encoded
        known: dict[str, int] = {}
        found = np.empty(len(places), np.int32)
        spans = encoded.offsets[places].tolist()
        for number, (start, end) in enumerate(cancellable(spans)):
            word = text[start:end]
            if word not in known:
                known[word] = self._id(word)
            found[number] = known[word]
        ids = encoded.ids.copy()
        ids[places] = found
        return Encoded(ids, encoded.offsets)

    def learnt(self, ids: Ids) -> Ids:
        """`ids` as the model learnt them: spare ones are unknown."""
        seen: Ids = self._learnt[ids] if self._spare else ids
        return seen

    def _id(self, word: str) -> int:
        if not any(letter.isalnum() for letter in word):
            return self._unknown
        plain = normalize("NFD", word.lower()).encode("utf-8", "replace")
        return self._spare[zlib.crc32(plain) % len(self._spare)]


def spare_letter(piece: str) -> str | None:
    """A character that stands for a spare piece wherever tokens are spelt; None for others.

    >>> spare_letter("[unused7]"), spare_letter("house")
    ('\\ue007', None)
    """
    match = _SPARE.fullmatch(piece)
    return chr(_PRIVATE + int(match[1])) if match else None
