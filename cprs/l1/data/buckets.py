"""Examples by length, as phases go by it (eq. 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from cprs.errors import OptionError
from cprs.l1.example import Example


def counted(examples: Iterable[Example], count: Callable[[str], int]) -> list[Example]:
    """The examples with `tokens`, |x| + |c| by `count`, set anew."""
    return [
        replace(example, tokens=count(example.question) + count(example.context))
        for example in examples
    ]


def buckets(examples: Iterable[Example], limits: Sequence[int]) -> list[list[Example]]:
    """For each of the limits L_1 < L_2 < ... the examples with L_{k-1} < tokens <= L_k, and last
    those beyond all. Raises `OptionError` for limits out of order, or an example not counted."""
    if not limits or any(a >= b for a, b in pairwise(limits)) or limits[0] < 1:
        raise OptionError(f"limits must rise from at least 1, got {list(limits)}")
    made: list[list[Example]] = [[] for _ in range(len(limits) + 1)]
    for example in examples:
        if example.tokens is None:
            raise OptionError(f"example {example.uid!r} has no tokens: count them first")
        tokens = example.tokens
        place = next((k for k, limit in enumerate(limits) if tokens <= limit), len(limits))
        made[place].append(example)
    return made
