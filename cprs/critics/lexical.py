"""The lexical critic: BM25 over passages. No model; the baseline every critic must beat."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Sequence

import numpy as np
import regex
from numpy.typing import NDArray

from cprs.checkpoint import cancellable
from cprs.critics.base import Scorer, State, TokenScores
from cprs.critics.postings import Floats, Postings, damping, passages_of, rarity
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window

# A word; a Han, kana or Hangul character by itself; any other visible character by itself.
_TOKEN = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"
    r"|[[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]]{1,64}"
    r"|[^\s\p{L}\p{M}\p{N}]",
    regex.VERSION1,
)


class LexicalCritic:
    """Scores a passage by its BM25, as a share of what a perfect match could reach.

    Words are compared in lower case, as they are written: no stems, no stop words.
    """

    name = "lexical-1"
    window = 512
    threshold = 0.25

    def encode(self, text: str) -> Encoded:
        """Words, and every other visible character, as stable hashes; a word's is not negative."""
        # Arrays, not lists: making one of millions of tuples would stop every other thread.
        ids, offsets = array("i"), array("q")
        known: dict[str, int] = {}
        for match in cancellable(_TOKEN.finditer(text)):
            piece = match[0]
            key = known.get(piece)
            if key is None:
                key = known[piece] = _key(piece)
            ids.append(key)
            offsets.extend(match.span())
        return Encoded(np.array(ids, np.int32), np.array(offsets, np.int64).reshape(-1, 2))

    def read(self, windows: Sequence[Window]) -> list[State]:
        """Nothing: there is no more to know than the words."""
        return [() for _ in windows]

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Scorer:
        """Count how rare each word of the question is in `windows`."""
        ids = np.concatenate([np.zeros(0, np.int32), *(w.token_ids for w in windows)])
        passage, count = passages_of(windows)
        postings = Postings(ids[ids >= 0], passage[ids >= 0], count)
        asked = self.encode(guidance.question).ids
        return LexicalScorer(asked[asked >= 0], postings)


class LexicalScorer:
    """BM25 under one question. The words' rarity and the mean length are all it remembers."""

    warnings: tuple[str, ...] = ()

    def __init__(self, asked: NDArray[np.int32], postings: Postings) -> None:
        self._weights = {
            key: rarity(postings.frequency(*postings.places(found, [1.0] * len(found))))
            for key in dict.fromkeys(asked.tolist())
            for found in [postings.find(key)]
        }
        self._mean = postings.mean

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows; each token carries its passage's score."""
        return [self._score(window) for window in windows]

    def _score(self, window: Window) -> TokenScores:
        passage, count = passages_of([window])
        is_word = window.token_ids >= 0
        lengths = np.bincount(passage[is_word], minlength=count).astype(np.float64)
        against = damping(lengths, self._mean)
        total = np.zeros(count)
        for key, weight in self._weights.items():
            frequency = np.bincount(passage[window.token_ids == key], minlength=count)
            total += weight * frequency / (frequency + against)
        best = sum(self._weights.values())
        share: Floats = total / best if best else total
        return TokenScores(keep=np.round(share, 5).astype(np.float32)[passage])


def _key(piece: str) -> int:
    """31 bits of a word, the same on every machine; other characters below zero."""
    key = zlib.crc32(piece.lower().encode("utf-8", "surrogatepass")) & 0x7FFFFFFF
    return key if piece[0].isalnum() or regex.match(r"[\p{M}]", piece) else -1 - key
