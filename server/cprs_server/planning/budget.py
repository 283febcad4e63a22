"""How many tokens all pieces of a plan may have together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cprs_server.planning.base import Options, Target

ANSWER = 4_096
"""Tokens left for an answer where the client names no number, but no more than a quarter."""
TEMPLATE = 48
"""Tokens left for what a chat template adds by itself, such as a system prompt where none is sent,
but no more than a 32nd."""
FLOOR = 64
"""Tokens below which nothing useful is kept."""


@dataclass(frozen=True, slots=True)
class Budget:
    """`tokens` for all pieces, None where the ratio or threshold of the options decides alone;
    `limits`: each bound by name, of which `tokens` is the least."""

    tokens: int | None
    limits: Mapping[str, int]


def room(target: Target, output: int | None, *, slack: float = 1.0) -> int | None:
    """Tokens of prompt that fit the target's window beside its answer; None if it is not known.

    `slack`: by how much the target's own tokens may outnumber those that are counted.
    """
    if target.window is None:
        return None
    answer = min(ANSWER, target.window // 4) if output is None else output
    template = min(TEMPLATE, target.window // 32)
    return max(0, int((target.window - answer - template) / slack))


def budget(options: Options, *, pieces: int, fixed: int, room: int | None) -> Budget:
    """The least of what is asked for and what fits.

    `pieces`: tokens that may be compressed; `fixed`: all other tokens of the prompt. Without a
    number from anybody the prompt is brought down to the trigger, but its pieces not below a
    quarter of the trigger for that alone; `always` brings the pieces down to a quarter.
    """
    limits: dict[str, int] = {}
    if room is not None:
        limits["window"] = max(0, room - fixed)
    if options.budget is not None:
        limits["budget"] = options.budget
    if options.ratio is not None:
        limits["ratio"] = max(1, int(pieces / options.ratio))
    if options.budget is None and options.ratio is None and options.threshold is None:
        limits["default"] = _default(options, pieces, fixed)
    if options.ratio is not None and limits["ratio"] <= min(limits.values()):
        return Budget(None, limits)
    if options.threshold is not None and min(limits.values(), default=pieces) >= pieces:
        return Budget(None, limits)
    return Budget(min(limits.values()), limits)


def _default(options: Options, pieces: int, fixed: int) -> int:
    wanted = max(options.trigger - fixed, options.trigger // 4, options.least, 1)
    return min(wanted, max(1, pieces // 4)) if options.mode == "always" else wanted
