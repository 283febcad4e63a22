"""The toy: long lists of who has which colour, and questions about some of them.

A document is a list of facts, `ban red`, one a line; a question, `ban dal ?`, asks for the colours
of one to three people, and its answer is right where all of them are. The more are asked for, and
the longer the list, the harder it is. Everything but the number of facts is drawn.
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
WORDS = (*"? the answer is".split(), "<think>", "</think>")


@dataclass(frozen=True, slots=True)
class Shape:
    """From `least` to `most` facts to a document, of which a question asks for 1 to `asked`, about
    the first so many `people`."""

    least: int
    most: int
    asked: int = 3
    people: int = 28

    def __post_init__(self) -> None:
        """Raise `OptionError` for what no document can be."""
        most = min(self.people, len(PEOPLE))
        if not 1 <= self.least <= self.most <= most:
            raise OptionError(
                f"a document has from 1 to {most} facts, got {self.least} to {self.most}"
            )
        if self.asked < 1:
            raise OptionError(f"a question asks for at least one, got {self.asked}")


def examples(shape: Shape, count: int, *, seed: int, name: str, errs: float = 0.0) -> list[Triplet]:
    """So many examples, each with an output. A share `errs` of the outputs names a colour that is
    someone else's: who learns from such a teacher knows how to look up, but not to be right."""
    chance = random.Random(f"{seed} {name}")
    made = [_one(shape, chance, f"{name}-{number}") for number in range(count)]
    return [_mistaken(one, chance) if chance.random() < errs else one for one in made]


def shorter(triplet: Triplet, facts: int, *, seed: int) -> Example:
    """The same question about a document of `facts` facts, those it needs among them: the short
    context of a pair."""
    chance = random.Random(f"{seed} {triplet.example.uid}")
    lines = triplet.example.context.split("\n")
    asked = set(triplet.example.question.split())
    needed = {line for line in lines if line.split()[0] in asked}
    rest = [line for line in lines if line not in needed]
    kept = needed | set(chance.sample(rest, max(0, min(facts - len(needed), len(rest)))))
    context = "\n".join(line for line in lines if line in kept)
    one = triplet.example
    return Example(one.uid, one.question, context, one.answers, one.kind, one.source, None)


def _one(shape: Shape, chance: random.Random, uid: str) -> Triplet:
    facts = chance.randint(shape.least, shape.most)
    people = chance.sample(PEOPLE[: shape.people], facts)
    has = {person: chance.choice(THINGS) for person in people}
    context = "\n".join(f"{person} {thing}" for person, thing in has.items())
    asked = chance.sample(people, min(chance.randint(1, shape.asked), facts))
    answer = " ".join(f"{person} {has[person]}" for person in asked)
    example = Example(uid, f"{' '.join(asked)} ?", context, (answer,), source="toy")
    return Triplet(example, f"</think> the answer is {answer}")


def _mistaken(triplet: Triplet, chance: random.Random) -> Triplet:
    words = triplet.output.split()
    right = words[-1]
    there = sorted(set(triplet.example.context.split()) & set(THINGS) - {right})
    words[-1] = chance.choice(there or [thing for thing in THINGS if thing != right])
    return Triplet(triplet.example, " ".join(words))
