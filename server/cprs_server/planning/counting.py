"""Tokens of a prompt as its target counts them, or an estimate that errs high and says so."""

from __future__ import annotations

import math
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cprs.errors import OptionError
from cprs.tokens import TokenCounter, counter_for, estimate

LONG = 256_000
"""Code points from which on a text is counted from samples."""
MESSAGE = 4
"""Tokens around each text: roles and separators of chat templates."""
PART = 1_600
"""Tokens of an image or another part that is not text, where nothing better is known."""

_SLICES, _SLICE = 48, 3_000
_REMEMBERED, _COUNTERS = 4_096, 64
_WORTH = 2_000  # code points from which on a count is worth remembering

# Tokenizers that make a token of every digit.
_DIGITS_ALONE = re.compile(r"qwen|gemma|gemini|mi[sx]tral|llama-?2", re.IGNORECASE)
# Families whose tokenizer is not public and makes more tokens of a text than OpenAI's do.
_MORE = ((re.compile(r"claude", re.IGNORECASE), 1.3),)


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of tokens, and whether it was counted or estimated."""

    tokens: int
    exact: bool


class Counting:
    """Counts for targets, remembering what it counted. Safe to use from several threads."""

    def __init__(self, counter: Callable[[str], TokenCounter] = counter_for) -> None:
        self._load = counter
        self._counters: OrderedDict[str, TokenCounter] = OrderedDict()
        self._known: OrderedDict[tuple[str, int, int], Tally] = OrderedDict()
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def warm(self) -> None:
        """Import what finds tokenizers: that takes a second, and no request is to wait for it."""
        self.counter("unknown")

    def has(self, tokenizer: str) -> bool:
        """Whether its counter is loaded. Else the first use is long work: up to a second."""
        with self._lock:
            return tokenizer in self._counters

    def counter(self, tokenizer: str) -> TokenCounter:
        """The counter of that name; an estimate for a name or file that cannot be read."""
        if found := self._loaded(tokenizer):
            return found
        # Whoever asks meanwhile waits, instead of loading the same.
        with self._loading:
            if found := self._loaded(tokenizer):
                return found
            try:
                found = self._load(tokenizer)
            except OptionError:
                found = TokenCounter(name=tokenizer, count=estimate, exact=False)
            with self._lock:
                self._counters[tokenizer] = found
                while len(self._counters) > _COUNTERS:
                    self._counters.popitem(last=False)
        return found

    def _loaded(self, tokenizer: str) -> TokenCounter | None:
        with self._lock:
            if found := self._counters.get(tokenizer):
                self._counters.move_to_end(tokenizer)
            return found

    def slack(self, tokenizer: str) -> float:
        """By how much an estimate may still fall short for the family of that name, 1 or more."""
        if self.counter(tokenizer).exact:
            return 1.0
        return next((more for family, more in _MORE if family.search(tokenizer)), 1.0)

    def rough(self, texts: Sequence[str], tokenizer: str) -> int:
        """Tokens of all texts together, estimated in one go."""
        return estimate("\n".join(texts), digits=_digits(tokenizer)) + MESSAGE * (len(texts) + 1)

    def count(self, text: str, tokenizer: str) -> Tally:
        """Tokens of one text: counted up to `LONG` code points, from samples above."""
        if len(text) < _WORTH:
            return self._count(text, tokenizer)
        key = (tokenizer, len(text), hash(text))
        with self._lock:
            if found := self._known.get(key):
                self._known.move_to_end(key)
                return found
        found = self._count(text, tokenizer)
        with self._lock:
            self._known[key] = found
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _count(self, text: str, tokenizer: str) -> Tally:
        counter = self.counter(tokenizer)
        if not counter.exact:
            return Tally(estimate(text, digits=_digits(tokenizer)), exact=False)
        if len(text) <= LONG:
            return Tally(counter.count(text), exact=True)
        return Tally(sampled(text, counter.count), exact=False)


def bound(text: str) -> int:
    """Bytes in UTF-8: no tokenizer in use makes more tokens of a text than it has bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _digits(tokenizer: str) -> int:
    return 1 if _DIGITS_ALONE.search(tokenizer) else 3


def sampled(text: str, count: Callable[[str], int]) -> int:
    """Tokens of a long text from slices of it, erring high.

    The ratio of counts to quick estimates over evenly spread slices, plus three standard errors
    (Cochran, Sampling Techniques, 6.3), times the quick estimate of the whole.
    """
    starts = np.linspace(0, len(text) - _SLICE, _SLICES).astype(int).tolist()
    slices = [text[start : start + _SLICE] for start in starts]
    counted = np.array([count(each) for each in slices], float)
    guessed = np.array([estimate(each) for each in slices], float)
    ratio = counted.sum() / guessed.sum()
    spread = (counted - ratio * guessed).std(ddof=1) / guessed.mean() / math.sqrt(_SLICES)
    return math.ceil(estimate(text) * float(ratio + 3 * spread))
