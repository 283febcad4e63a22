"""Words put together again from WordPiece ids, and which of them a question's word means.

A critic's question is prepared from token ids alone, so what a lexical match needs is found here
by whole-array operations over the pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cprs.critics.postings import Ints
from cprs.critics.unknown_words import spare_letter

SAME_STEM, INSIDE = 0.85, 0.4
"""What an inflected word, and a word inside a longer one (`user` in `getusername`), count beside
the word itself."""

STOP_WORDS = frozenset(
    (
        "a about after all also am an and any are as at be been before being both but by can "
        "could did do does doing down during each few for from had has have having he her "
        "here him his how i if in into is it its just me more most my no nor not now of off "
        "on once only or other our out over own s same she should so some such t than that "
        "the their them then there these they this those through to too under until up very "
        "was we were what when where which while who whom whose why will with would you your"
    ).split()
)

_SUFFIXES = ("ations", "ation", "ings", "ing", "edly", "ed", "ies", "ied", "es", "ers", "er", "ly")


class Pieces:
    """A WordPiece vocabulary as arrays: the pieces by id, with "##" where one continues a word."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._continues = np.array([piece.startswith("##") for piece in vocabulary])
        self._visible = np.array([_is_word(piece) for piece in vocabulary])
        self._text = [spare_letter(piece) or piece.removeprefix("##") for piece in vocabulary]

    def __len__(self) -> int:
        return len(self._text)

    def continues(self, ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of the tokens `ids` go on with the word before them."""
        found: NDArray[np.bool_] = self._continues[ids]
        return found

    def words(self, ids: NDArray[np.int32], passage: Ints) -> Words:
        """The words among the tokens `ids` (n,), none reaching over a border of `passage` (n,)."""
        if not len(ids):
            none = np.zeros(0, np.int64)
            return Words(none, none, none.astype(np.uint64))
        begins = ~self._continues[ids] | (np.diff(passage, prepend=-1) != 0)
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], len(ids))
        # A polynomial over the pieces, modulo 2^64: equal keys are equal words.
        place = np.arange(len(ids)) - np.repeat(starts, ends - starts)
        mixed = (ids.astype(np.uint64) + _ONE) * _ODD
        mixed = (mixed ^ (mixed >> _HALF)) * _powers(int(place.max()) + 1)[place]
        keys = np.add.reduceat(mixed, starts)
        shown = np.logical_or.reduceat(self._visible[ids], starts)
        return Words(starts[shown], ends[shown], keys[shown])

    def spell(self, ids: NDArray[np.int32]) -> str:
        """The letters of one word's pieces."""
        return "".join([self._text[i] for i in ids.tolist()])


_ONE, _HALF = np.uint64(1), np.uint64(31)
_BASE = np.uint64(0xD1342543DE82EF95)
_ODD = np.uint64(0x9E3779B97F4A7C15)


def _powers(count: int) -> NDArray[np.uint64]:
    powers: NDArray[np.uint64] = np.cumprod(np.full(count, _BASE, np.uint64), dtype=np.uint64)
    return powers


@dataclass(frozen=True, slots=True)
class Words:
    """w words: token ranges [start, end), and a key (w,) that equal words share."""

    start: Ints
    end: Ints
    key: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.key)


class Lexicon:
    """The distinct words of a request, spelt, and how to find those that mean a term."""

    def __init__(self, spellings: Sequence[str]) -> None:
        self._spellings = spellings
        self._exact = {word: i for i, word in enumerate(spellings)}
        self._long = [(i, word) for i, word in enumerate(spellings) if len(word) >= 8]
        self._heads: dict[str, list[int]] = {}
        for i, word in enumerate(spellings):
            self._heads.setdefault(word[:3], []).append(i)

    def match(self, term: str) -> tuple[list[int], list[float]]:
        """Numbers of the words that mean `term`, and what each counts."""
        found: dict[int, float] = {}
        if len(term) >= 4 and term.isalpha():
            found.update((i, INSIDE) for i, word in self._long if term in word)
        root = stem(term)
        for i in self._heads.get(term[:3], ()):
            if stem(self._spellings[i]) == root:
                found[i] = SAME_STEM
        if term in self._exact:
            found[self._exact[term]] = 1.0
        return list(found), list(found.values())


def stem(word: str) -> str:
    """An English word without its usual endings; anything else as it is.

    >>> stem("meetings"), stem("meet"), stem("cities"), stem("city")
    ('meet', 'meet', 'cit', 'cit')
    """
    if len(word) <= 3 or not (word.isascii() and word.isalpha()):
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    else:
        if word[-1] == "s" and word[-2] not in "su":
            word = word[:-1]
    if len(word) > 3 and word[-1] in "eyi":
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    return word


def _is_word(piece: str) -> bool:
    if spare_letter(piece):
        return True
    special = len(piece) > 2 and piece[0] == "[" and piece[-1] == "]"
    return not special and any(char.isalnum() for char in piece)
