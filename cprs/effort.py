"""How much of a text is read: all of it, or the windows that a first look finds probable.

A critic may offer a first look from token ids alone, `skim` (`cprs.critics.base.Skims`), or its
scorer one that begins to read, `sift` (`cprs.critics.base.Sifts`). Under `fast` the best windows by
it are read, a fixed share of the tokens; the others keep a score below what reading finds, so that
a budget can still be filled from them. Neither depends on the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import Scorer, Sifts, Skims, TokenCritic
from cprs.errors import unknown
from cprs.guidance import Guidance
from cprs.windows import Window

Effort = Literal["fast", "auto", "thorough"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)

LONG = 131_072
"""Tokens from which on `auto` is `fast` for a query."""
SHARE = 1 / 6
"""The share of all tokens that `fast` reads."""
LEAST = 8_192
"""Tokens that `fast` reads of any text: what is shorter is read in full."""
UNREAD = 0.002
"""The score of the most probable window that was not read; the others lie below it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which of w windows are read: `chosen`, rising; and a score (w,) for the tokens of each of
    the others, float32."""

    chosen: NDArray[np.int64]
    unread: NDArray[np.float32]


def checked(effort: object) -> Effort:
    """`effort`, if it is one. Raises `OptionError`."""
    for known in EFFORTS:
        if effort == known:
            return known
    raise unknown("effort", str(effort), EFFORTS)


def resolve(effort: Effort, guidance: Guidance, tokens: int) -> Effort:
    """What `auto` means for a request of so many tokens. An instruction without a query wants all
    there is of something, wherever it stands: then everything is read."""
    if effort == "auto":
        return "fast" if guidance.query and tokens >= LONG else "thorough"
    return effort


def likeliest(
    first: NDArray[np.float32], lengths: NDArray[np.int64], room: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of windows by a first look (w,), best first: those that have `room` tokens
    together, or just more, and the others."""
    order = np.argsort(-first, kind="stable")
    count = int(np.searchsorted(np.cumsum(lengths[order]), room)) + 1
    return order[:count], order[count:]


def plan(
    effort: Effort,
    critic: TokenCritic,
    guidance: Guidance,
    windows: Sequence[Window],
    *,
    scorer: Scorer | None = None,
) -> Plan:
    """What to read of `windows`, all windows of a request; `scorer`: the question to `critic`."""
    every = Plan(np.arange(len(windows)), np.zeros(len(windows), np.float32))
    lengths = np.array([len(window) for window in windows], np.int64)
    room = max(LEAST, int(np.ceil(SHARE * lengths.sum())))
    if effort != "fast" or lengths.sum() <= room:
        return every
    first: NDArray[np.float32] | None = None
    if isinstance(scorer, Sifts):
        first = scorer.sift(windows, room=room)
    elif isinstance(critic, Skims):
        first = critic.skim(guidance, windows)
    if first is None:
        return every
    chosen, left = likeliest(first, lengths, room)
    unread = np.zeros(len(windows), np.float32)
    unread[left] = UNREAD * (1 - np.arange(len(left)) / max(len(left), 1))
    return Plan(np.sort(chosen), unread)
