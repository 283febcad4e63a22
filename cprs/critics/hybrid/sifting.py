"""Windows in two stages: all are begun, and of those that a probe finds least probable the rows
leave at once.

Which windows go on is decided over the whole request, by the rule of `cprs.effort`, so that it
does not depend on which windows were read together, nor a share of the work on how sure a probe is.
While it is being decided, only rows are held of windows that may still be among the best: their
number does not grow with what is yet to be read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cprs.checkpoint import checkpoint
from cprs.critics.hybrid.asked import Asked, Prompt, Stage
from cprs.critics.hybrid.held import Begun, Held
from cprs.critics.hybrid.packing import Ids
from cprs.critics.hybrid.pipeline import Pipeline
from cprs.effort import likeliest

WAITING = 3
"""Slices that wait or are on the device, of about a step's tokens each."""
SLICE = 8_192
"""Tokens of a slice at least."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """What a probe makes of each window (w,), and those that can be read on, by their numbers."""

    first: NDArray[np.float32]
    begun: dict[int, Begun]


def sifted(
    pipeline: Pipeline,
    prompt: Prompt,
    windows: Sequence[Ids],
    judge: Callable[[int, NDArray[np.float32]], float],
    *,
    rows: int,
) -> Sifted:
    """Begin all `windows`; `judge` makes one number of a window's and the probe's tags (t, 4). Of
    the best by it, about so many `rows` are held.

    Raises as `Pipeline.read` does, and `Cancelled` once the work is to end.
    """
    lengths = np.array([len(window) for window in windows], np.int64)
    first = np.full(len(windows), -np.inf, np.float32)
    begun: dict[int, Begun] = {}
    for numbers, found in _begun(pipeline, prompt, windows, lengths):
        for number, one in zip(numbers, found, strict=True):
            first[number] = judge(number, one.tags)
            begun[number] = one
        if rows > 0:
            stay = set(likeliest(first, lengths, rows)[0].tolist())
            begun = _leaving(begun, stay)
        else:
            begun = {}
    return Sifted(first, begun)


def _begun(
    pipeline: Pipeline, prompt: Prompt, windows: Sequence[Ids], lengths: NDArray[np.int64]
) -> Iterator[tuple[list[int], list[Begun]]]:
    """The windows that are not empty, slice after slice, with the next ones under way."""
    filled = np.flatnonzero(lengths)
    parts = np.cumsum(lengths[filled]) // max(pipeline.budget.tokens, SLICE)
    borders = np.flatnonzero(np.diff(parts)) + 1
    slices = iter(part.tolist() for part in np.split(filled, borders) if len(part))
    waiting: deque[tuple[list[int], Asked]] = deque()
    try:
        while True:
            while len(waiting) < WAITING and (own := next(slices, None)) is not None:
                asked = pipeline.submit(prompt, [windows[i] for i in own], Stage.BEGIN)
                waiting.append((own, asked))
            if not waiting:
                return
            checkpoint()
            numbers, asked = waiting.popleft()
            yield numbers, asked.future.result()
    finally:
        for _, asked in waiting:
            asked.dropped = True


def _leaving(begun: dict[int, Begun], stay: set[int]) -> dict[int, Begun]:
    """Without the rows of windows that do not stay."""
    batches: dict[Held, list[int]] = {}
    for number, one in begun.items():
        if number in stay:
            batches.setdefault(one.held, []).append(number)
    left: dict[int, Begun] = {}
    with torch.inference_mode():
        for held, numbers in batches.items():
            numbers.sort(key=lambda number: begun[number].place)
            kept = held.only([begun[number].place for number in numbers])
            for place, number in enumerate(numbers):
                left[number] = replace(begun[number], held=kept, place=place)
    return left
