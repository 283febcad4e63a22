"""The toy: long lists of who has which colour, and questions about some of them.

A document is a list of facts, `ban:red`, a word each; a question, `ban`, asks for someone's colour.
The longer the list, the harder it is. Everything but the number of facts is drawn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from cprs.errors import OptionError
from cprs.l1.example import Example
from cprs.l1.sft import Triplet

PEOPLE = [
    f"{first}{second}{last}"
    for last in ("n", "l", "s", "r")
    for second in "aeiou"
    for first in "b d f g h j k l m n p r s t v w y z".split()
]
THINGS = "red blue green black white pink gold grey brown lime teal plum".split()
WORDS = (*"the answer is".split(), "<think>", "</think>")


@dataclass(frozen=True, slots=True)
class Shape:
    """From `least` to `most` facts to a document, about the first so many `people`."""

    least: int
    most: int
    people: int = 28

    def __post_init__(self) -> None:
        """Raise `OptionError` for what no document can be."""
        most = min(self.people, len(PEOPLE))
        if not 1 <= self.least <= self.most <= most:
            raise OptionError(
                f"a document has from 1 to {most} facts, got {self.least} to {self.most}"
            )


def examples(shape: Shape, count: int, *, seed: int, name: str) -> list[Triplet]:
    """So many examples, each with a right output."""
    chance = random.Random(f"{seed} {name}")
    return [_one(shape, chance, f"{name}-{number}") for number in range(count)]


def shorter(triplet: Triplet, facts: int, *, seed: int) -> Example:
    """The same question about a document of `facts` facts, those it needs among them: the short
    context of a pair."""
    chance = random.Random(f"{seed} {triplet.example.uid}")
    lines = triplet.example.context.split("\n")
    needed = {line for line in lines if line.startswith(f"{triplet.example.question}:")}
    rest = [line for line in lines if line not in needed]
    kept = needed | set(chance.sample(rest, max(0, min(facts - len(needed), len(rest)))))
    context = "\n".join(line for line in lines if line in kept)
    one = triplet.example
    return Example(one.uid, one.question, context, one.answers, one.kind, one.source, None)


def _one(shape: Shape, chance: random.Random, uid: str) -> Triplet:
    facts = chance.randint(shape.least, shape.most)
    people = chance.sample(PEOPLE[: shape.people], facts)
    has = {person: chance.choice(THINGS) for person in people}
    context = "\n".join(f"{person}:{thing}" for person, thing in has.items())
    asked = chance.choice(people)
    example = Example(uid, asked, context, (has[asked],), source="toy")
    return Triplet(example, f"{has[asked]} </think> the answer is {has[asked]}")
