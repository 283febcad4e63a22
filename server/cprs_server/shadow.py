"""Shadow mode: a share of requests is answered both ways, and how far the answers agree is noted.

Which requests are taken follows from their id alone, so a log tells afterwards which were.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

import regex

from cprs.errors import OptionError

# Scripts without spaces between words: a character stands for a word, as in CMRC and DRCD.
_WORDS = regex.compile(
    r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}"
    r"\p{Script=Khmer}\p{Script=Myanmar}]\p{M}*|(?:(?<![\p{L}\p{N}])[-−])?\p{N}+(?:[.,:]\p{N}+)*"
    r"|[\p{L}\p{M}]+|\p{S}"
)
_LONGEST = 200_000
NEAR = 0.5
"""Token F1 from which two answers that are not the same are counted as near."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two answers say the same: `exact` after case, spaces and punctuation are levelled;
    `f1`: harmonic mean of precision and recall of their words, as SQuAD measures answers."""

    exact: bool
    f1: float

    @property
    def verdict(self) -> str:
        """ "exact", "near" (F1 of at least one half) or "no"."""
        return "exact" if self.exact else "near" if self.f1 >= NEAR else "no"


class Shadow:
    """Chooses `share` (0 to 1) of all requests."""

    __slots__ = ("_below",)

    def __init__(self, share: float) -> None:
        if not 0.0 <= share <= 1.0:
            raise OptionError(f"shadow: {share} is not a share between 0 and 1")
        self._below = round(share * 2**64)

    def sample(self, request_id: str) -> bool:
        """Whether the request of this id is one of them; always the same for the same id."""
        if not self._below:
            return False
        digest = hashlib.blake2b(request_id.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self._below


def agreement(one: str, other: str) -> Agreement:
    """Compares two answers; linear in their lengths. Only the first 200,000 code points count for
    words. Two empty answers agree."""
    if one == other:
        return Agreement(exact=True, f1=1.0)
    words, others = _words(one), _words(other)
    if not words and not others:
        same = one.strip() == other.strip()
        return Agreement(exact=same, f1=float(same))
    shared = sum((Counter(words) & Counter(others)).values())
    whole = max(len(one), len(other)) <= _LONGEST
    return Agreement(exact=whole and words == others, f1=2 * shared / (len(words) + len(others)))


def _words(text: str) -> list[str]:
    return _WORDS.findall(text[:_LONGEST].casefold())
