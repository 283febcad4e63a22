"""What a run returns, and what it says on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cprs.assemble import Span


@dataclass(frozen=True, slots=True)
class Compressed:
    """A short context, and where every piece of it came from.

    `text`: the kept spans of all documents in source order. `documents`: the kept text of each.
    `tokens_in`, `tokens_out`: counted in the target model's tokenizer when one was named, else in
    the critic's. `kept`, `dropped`: units by kind ("sentence", "record"). `timings`: seconds per
    stage. `effort`: "thorough" where all was read, else "fast"; `windows` in all, `windows_read` of
    them by the critic (none where the text fits). `warnings`: what the caller should know, one line
    each. `decoded`: where tags decided what is kept, the spans as they were decoded; they may
    overlap, `spans` do not.
    """

    text: str
    spans: tuple[Span, ...]
    tokens_in: int
    tokens_out: int
    seconds: float
    critic: str
    documents: tuple[str, ...] = ()
    kept: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    effort: str = "thorough"
    windows: int = 0
    windows_read: int = 0
    warnings: tuple[str, ...] = ()
    decoded: tuple[Span, ...] | None = None

    @property
    def ratio(self) -> float:
        """Tokens in ÷ tokens out: 16 means sixteen times shorter."""
        return self.tokens_in / max(1, self.tokens_out)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` in `stage`.

    Stages are "cut" (code points), "read" (tokens; once per hop) and "select" (tokens).
    """

    stage: str
    done: int
    total: int
