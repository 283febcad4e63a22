"""Phases by length (eq. 9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cprs.errors import OptionError
from cprs.l1.example import Example


@dataclass(frozen=True, slots=True)
class Phase:
    """Phase `number` (from 1): examples with `above` < |x| + |c| <= `limit` tokens."""

    number: int
    above: int
    limit: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Curriculum:
    """The phases, and the examples longer than the last one's limit, which none trains on."""

    phases: tuple[Phase, ...]
    beyond: tuple[Example, ...]


def curriculum(
    examples: Sequence[Example], limits: Sequence[int], *, tokens: Callable[[Example], int]
) -> Curriculum:
    """Phase k trains on L_{k-1} < |x| + |c| <= L_k alone, with L_0 = 0 (eq. 9).

    An example of no tokens at all is in the first. Raises `OptionError` for limits that do not
    rise.
    """
    if not limits or any(after <= before for before, after in pairwise((0, *limits))):
        raise OptionError(f"the limits of phases must rise from above 0, got {list(limits)}")
    lengths = [(example, tokens(example)) for example in examples]
    phases = []
    for number, (above, limit) in enumerate(pairwise((0, *limits)), 1):
        inside = tuple(
            example
            for example, length in lengths
            if above < length <= limit or (number == 1 and length == 0)
        )
        phases.append(Phase(number, above, limit, inside))
    return Curriculum(tuple(phases), tuple(e for e, length in lengths if length > limits[-1]))


def flat(made: Curriculum) -> Curriculum:
    """The same examples in one phase: what training without a curriculum has."""
    if not made.phases:
        return made
    everything = tuple(example for phase in made.phases for example in phase.examples)
    limit = made.phases[-1].limit
    return Curriculum((Phase(1, 0, limit, everything),), made.beyond)


def check_size(name: str, examples: int, batch: int, *, otherwise: str = "lower the batch") -> None:
    """Raise `OptionError`, saying what to do `otherwise`, where there are fewer examples than a
    batch takes: it would be trained on nothing."""
    if examples < batch:
        raise OptionError(
            f"{name} has {examples:,} examples and a batch takes {batch:,} prompts: {otherwise}"
        )


def check_phase(number: int, examples: int, batch: int) -> None:
    """`check_size` of a phase."""
    otherwise = "lower the batch or set the phases' limits otherwise"
    check_size(f"phase {number}", examples, batch, otherwise=otherwise)
