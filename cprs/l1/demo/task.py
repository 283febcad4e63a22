"""The toy: long lists of who holds what, and questions about one of them.

A document is a list of facts, `ann red .`, one a line; a question, `ann ?`, asks for someone's
colour. Some have another's instead, `ann ben .`: two facts are needed there, which is what makes a
question hard. The length is the number of facts, everything else is drawn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from cprs.errors import OptionError
from cprs.l1.example import Example
from cprs.l1.sft import Triplet

PEOPLE = (
    "ann ben cal dee eli fay gus hal ida jon kay leo mia ned ora pam quin ray sue tom una val"
    " wes xia yul zoe abe bea cy dot ed flo gil hob ivy jed kim lou moe nan otto peg rex sal"
    " ted ugo vic win"
).split()
THINGS = (
    "red blue green black white pink gold grey brown lime teal plum rust sand jade navy".split()
)
WORDS = (*". ? the answer is".split(), "<think>", "</think>")


@dataclass(frozen=True, slots=True)
class Shape:
    """From `least` to `most` facts to a document; the share of questions that need two (`hard`)."""

    least: int
    most: int
    hard: float = 0.0

    def __post_init__(self) -> None:
        """Raise `OptionError` for what no document can be."""
        if not 2 <= self.least <= self.most <= len(PEOPLE):
            raise OptionError(
                f"a document has from 2 to {len(PEOPLE)} facts, got {self.least} to {self.most}"
            )
        if not 0 <= self.hard <= 1:
            raise OptionError(f"hard must be from 0 to 1, got {self.hard}")


def examples(shape: Shape, count: int, *, seed: int, name: str, errs: float = 0.0) -> list[Triplet]:
    """So many examples, each with an output. A share `errs` of the outputs names a thing that
    is someone else's: who learns from such a teacher knows how to look up, but not to be right."""
    chance = random.Random(f"{seed} {name}")
    made = [_one(shape, chance, f"{name}-{number}") for number in range(count)]
    return [_mistaken(one, chance) if chance.random() < errs else one for one in made]


def shorter(triplet: Triplet, facts: int, *, seed: int) -> Example:
    """The same question about a document of `facts` facts, those it needs among them: the short
    context of a pair."""
    chance = random.Random(f"{seed} {triplet.example.uid}")
    lines = triplet.example.context.split("\n")
    needed = set(_needed(triplet))
    rest = [line for line in lines if line not in needed]
    kept = needed | set(chance.sample(rest, max(0, min(facts - len(needed), len(rest)))))
    context = "\n".join(line for line in lines if line in kept)
    one = triplet.example
    return Example(one.uid, one.question, context, one.answers, one.kind, one.source, None)


def _one(shape: Shape, chance: random.Random, uid: str) -> Triplet:
    facts = chance.randint(shape.least, shape.most)
    people = chance.sample(PEOPLE, facts)
    held = {person: chance.choice(THINGS) for person in people}
    lines = {person: f"{person} {thing} ." for person, thing in held.items()}
    asked = chance.choice(people)
    thought = lines[asked][:-2]
    answer = held[asked]
    if chance.random() < shape.hard:
        other = chance.choice([person for person in people if person != asked])
        answer = held[other]
        thought = f"{asked} {other} {lines[other][:-2]}"
        lines[asked] = f"{asked} {other} ."
    context = "\n".join(lines[person] for person in people)
    example = Example(uid, f"{asked} ?", context, (answer,), source="toy")
    return Triplet(example, f"{thought} </think> the answer is {answer}")


def _mistaken(triplet: Triplet, chance: random.Random) -> Triplet:
    right = triplet.example.answers[0]
    there = sorted(set(triplet.example.context.split()) & set(THINGS) - {right})
    wrong = chance.choice(there or [thing for thing in THINGS if thing != right])
    words = triplet.output.split()
    words[words.index("</think>") - 1] = words[-1] = wrong
    return Triplet(triplet.example, " ".join(words))


def _needed(triplet: Triplet) -> list[str]:
    thought = triplet.output.partition(" </think>")[0].split()
    return [" ".join([*thought[start : start + 2], "."]) for start in range(0, len(thought), 2)]
