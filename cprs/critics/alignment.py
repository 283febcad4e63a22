"""Where the tokens of a WordPiece tokenizer lie in a text, from their ids alone.

The `tokenizers` library keeps track of offsets through every step, which is a third of its
work, and hands them out as Python objects, which only one thread at a time can make. BERT's
normaliser however treats every character by itself, and each letter it yields belongs to
exactly one token, so offsets follow from counting letters.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

_UNKNOWN, _HARD = -2, -1
# More letters than any text has.
_ENDLESS = 1 << 40


class Alignment:
    """Locates tokens where their letters can be counted.

    `letters`: by code point, how many letters it is normalised to (white space to none), or
    `_HARD` where the vocabulary has no such letter, so that its word has no letters to count.
    """

    def __init__(self, tokenizer: Tokenizer, vocabulary: dict[str, int], model: Any) -> None:
        self._normalise = tokenizer.normalizer.normalize_str
        self._vocabulary = vocabulary
        self._letters = np.full(0x110000, _UNKNOWN, np.int8)
        self._lengths = np.full(max(vocabulary.values()) + 1, _ENDLESS, np.int64)
        for token, number in vocabulary.items():
            self._lengths[number] = len(token.removeprefix(model["continuing_subword_prefix"]))
        self._lengths[vocabulary[model["unk_token"]]] = _ENDLESS

    @classmethod
    def of(cls, tokenizer: Tokenizer, tokenizer_json: str) -> Alignment | None:
        """For a tokenizer of BERT's kind; None for any other, whose ids do not tell."""
        about: dict[str, Any] = json.loads(tokenizer_json)
        parts = ("normalizer", "pre_tokenizer", "model")
        kinds = [(about.get(part) or {}).get("type") for part in parts]
        if kinds != ["BertNormalizer", "BertPreTokenizer", "WordPiece"]:
            return None
        return cls(tokenizer, about["model"]["vocab"], about["model"])

    def letters(self, text: str) -> NDArray[np.int64] | None:
        """The code point of `text` that each of its letters comes from, in order; None where
        letters cannot be counted."""
        points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        counts = self._letters[points]
        if (counts == _UNKNOWN).any():
            self._learn(np.unique(points[counts == _UNKNOWN]))
            counts = self._letters[points]
        if (counts == _HARD).any():
            return None
        if not (counts > 1).any():
            return np.flatnonzero(counts)
        return np.repeat(np.arange(len(points)), counts)

    def offsets(
        self, ids: NDArray[np.int32], letters: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """Offsets (n, 2) of the tokens of a text with these letters.

        None where a word is unknown: how many letters it takes is not in its id.
        """
        lengths = self._lengths[ids]
        ends = np.cumsum(lengths)
        if (ends[-1] if len(ends) else 0) != len(letters):
            return None
        return np.stack([letters[ends - lengths], letters[ends - 1] + 1], axis=1)

    def _learn(self, points: NDArray[np.uint32]) -> None:
        for point in points.tolist():
            letters = self._normalise(chr(point)).replace(" ", "")
            # Marks that stay are put in canonical order: their places depend on their neighbours.
            moves = bool(letters) and any(map(unicodedata.combining, letters))
            known = all(letter in self._vocabulary for letter in letters)
            self._letters[point] = len(letters) if known and not moves else _HARD
