"""Examples by length, as phases go by it (eq. 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cprs.errors import OptionError
from cprs.l1.curriculum import curriculum
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
    found = list(examples)
    for example in found:
        if example.tokens is None:
            raise OptionError(f"example {example.uid!r} has no tokens: count them first")
    made = curriculum(found, limits, tokens=lambda example: example.tokens or 0)
    return [*(list(phase.examples) for phase in made.phases), list(made.beyond)]
