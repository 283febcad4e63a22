"""What the speed benchmark measures: a text, and those who go through it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol
from unittest.mock import patch

import numpy as np

from cprs import Compressed, Compressor
from cprs.critics import embedded_base, load_critic
from cprs.critics.base import TokenCritic
from cprs.critics.runtimes import Runtime, open_runtime
from cprs.formats import segment
from cprs.windows import Encoded, Window, cut_windows
from cprs_bench.scale import QUESTIONS, text_of

RATIO = 32
"""Tokens in ÷ tokens out."""
PAD = 0
"""BERT's padding token. No text has it."""


class Contender(Protocol):
    """Someone who goes through the text, or `tokens` of it, again and again."""

    @property
    def about(self) -> str:
        """What it is, in a few words."""
        ...

    @property
    def tokens(self) -> int:
        """Of the text, by cprs's tokenizer."""
        ...

    @property
    def padding(self) -> float:
        """Positions computed for padding, of all positions computed so far."""
        ...

    def warm_up(self) -> None:
        """Do a little of the work, so that nothing is loaded while time is taken."""
        ...

    def run(self) -> None:
        """Go through the text."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A text, its tokens, and the windows that cprs reads it in, under the embedded critic."""

    text: str
    critic: TokenCritic
    encoded: Encoded
    windows: list[Window]
    counts: Counts

    @classmethod
    def of(cls, tokens: int) -> Text:
        """Library source of about so many tokens."""
        counts = Counts()
        critic = counted(counts)
        text = text_of(tokens, Compressor(critic))
        encoded = critic.encode(text)
        windows = cut_windows(encoded, segment(text).passages, size=critic.window)
        return cls(text, critic, encoded, windows, counts)

    @property
    def tokens(self) -> int:
        """How many there are."""
        return len(self.encoded)


class Counts:
    """What went through a model: how many positions, and how many of them were padding."""

    def __init__(self) -> None:
        # An append is one step for all threads; adding to a number is not.
        self._seen: deque[tuple[int, int]] = deque()

    def add(self, ids: Any) -> None:
        """A batch of token ids, as the model gets them."""
        self._seen.append((ids.size, int(np.count_nonzero(ids == PAD))))

    @property
    def share(self) -> float:
        """Padding per position."""
        positions, padding = np.sum([*self._seen], axis=0) if self._seen else (0, 0)
        return float(padding / positions) if positions else 0.0


class Cprs:
    """The embedded critic from text to result: cut, read and select, with nothing cached."""

    def __init__(self, text: Text, *, effort: str) -> None:
        self._text = text
        self._effort = effort
        self.tokens = text.tokens
        self._read = 0

    @property
    def about(self) -> str:
        """With how much of the text was read."""
        return f"cprs, text to result, {self._read:,} of {len(self._text.windows):,} windows read"

    @property
    def padding(self) -> float:
        """By the ids that reached the base's runtime."""
        return self._text.counts.share

    def warm_up(self) -> None:
        """Compress a small part."""
        self._compress(self._text.text[:20_000])

    def run(self) -> None:
        """Compress all of it."""
        done = self._compress(self._text.text)
        if done.effort != self._effort and done.windows_read < done.windows:
            raise RuntimeError(f"asked for {self._effort}, measured {done.effort}")
        self._read = done.windows_read

    def _compress(self, text: str) -> Compressed:
        # A compressor of its own has a cache of its own. A ratio is never met without reading,
        # as a budget is that holds the whole text.
        compressor = Compressor(self._text.critic)
        return compressor.compress(text, query=QUESTIONS[0], ratio=RATIO, effort=self._effort)


def counted(counts: Counts) -> TokenCritic:
    """The embedded critic, with a base that counts what goes through it."""

    def open_counted(*arguments: Any, **options: Any) -> Runtime:
        return _Counting(open_runtime(*arguments, **options), counts)

    with patch.object(embedded_base, "open_runtime", open_counted):
        return load_critic("embedded")


class _Counting:
    """A runtime that counts."""

    def __init__(self, runtime: Runtime, counts: Counts) -> None:
        self._runtime = runtime
        self._counts = counts
        self.name = runtime.name

    def __call__(self, *inputs: Any) -> Any:
        self._counts.add(inputs[0])
        return self._runtime(*inputs)
