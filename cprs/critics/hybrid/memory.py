"""How much is read in one step, and what happens where that was too much."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from cprs.critics.hybrid.config import HybridConfig
from cprs.errors import CprsError

Item = TypeVar("Item")
Found = TypeVar("Found")

LEAST, MOST = 8_192, 131_072
"""Tokens in a step: fewer keep no GPU busy, more gain nothing."""
_SHARE = 0.6
"""Of the free memory, for what a step makes; the rest is for others and for fragments."""
_HELD = 0.15
"""Of the free memory, for rows of windows that were begun and are to be read on."""


class Budget:
    """Tokens in one step; fewer once they were too many."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens

    @classmethod
    def of(cls, config: HybridConfig, device: torch.device, *, bytes_each: int = 2) -> Budget:
        """As many as fit the device's free memory."""
        if device.type != "cuda":
            return cls(LEAST)
        free, _ = torch.cuda.mem_get_info(device)
        return cls(fitting(config, free, bytes_each=bytes_each))

    def halve(self, tokens: int) -> None:
        """A step of `tokens` was too large."""
        self.tokens = min(self.tokens, max(1, tokens // 2))


class Allowance:
    """Rows that all requests together may hold. Safe for many threads."""

    def __init__(self, rows: int) -> None:
        self._left = rows
        self._lock = threading.Lock()

    @classmethod
    def of(cls, config: HybridConfig, device: torch.device, *, bytes_each: int) -> Allowance:
        """A part of what is free on a GPU; of a CPU's memory a gibibyte."""
        free = torch.cuda.mem_get_info(device)[0] * _HELD if device.type == "cuda" else 1 << 30
        return cls(int(free) // (config.width * bytes_each))

    def take(self, wanted: int) -> int:
        """How many of the `wanted` may be held now."""
        with self._lock:
            taken = min(wanted, self._left)
            self._left -= taken
        return taken

    def give(self, rows: int) -> None:
        """What was taken is no longer held."""
        with self._lock:
            self._left += rows


def fitting(config: HybridConfig, free: int, *, bytes_each: int = 2) -> int:
    """Tokens of a step for which `free` bytes are enough, between `LEAST` and `MOST`.

    A layer's largest moment is gate and up, their product, and the residual stream with its norm:
    (3 f + 4 h) values of `bytes_each` per token.
    """
    each = (3 * config.feed + 4 * config.width) * bytes_each
    return max(LEAST, min(MOST, int(_SHARE * free) // each))


def in_memory(
    run: Callable[[Sequence[Item]], Sequence[Found]],
    items: Sequence[Item],
    *,
    too_large: Callable[[Sequence[Item]], None] = lambda items: None,
) -> list[Found]:
    """`run(items)`, in halves where memory does not suffice, and in halves of these. `too_large`
    is told of every part that did not fit.

    Raises `CprsError` where a single item does not fit.
    """
    # Out of the handler, or the frames of the error hold on to the memory that is to be freed.
    try:
        return list(run(items))
    except torch.OutOfMemoryError:
        pass
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    too_large(items)
    if len(items) == 1:
        raise CprsError(
            "the GPU's memory is not enough for one window: read smaller windows (window=2048),"
            " have weights in fp8 (dtype='fp8'), or spread them (device_map='auto')"
        )
    middle = (len(items) + 1) // 2
    return [
        *in_memory(run, items[:middle], too_large=too_large),
        *in_memory(run, items[middle:], too_large=too_large),
    ]
