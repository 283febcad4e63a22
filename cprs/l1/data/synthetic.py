"""Questions about made-up documents of any length, each with one right answer.

`chain`: who reports to whom, over several steps; `table`: a number out of monthly figures; `count`:
how many of many notes are of a kind. What is asked about stands among distractors of the same form
about others, so that neither the first nor the only match is right.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import pairwise

from cprs.errors import OptionError, unknown
from cprs.l1.example import Example, Kind

_FIRST = (
    "Ada Bela Cyrus Dora Emil Fenna Goran Hanna Ivo Jana Karel Lena Milo Nora Otis Petra".split()
)
_LAST = (
    "Abt Brandt Cole Dahl Ekman Frey Gross Holt Iversen Jung Kern Lund Moser Nagy Orth Pohl".split()
)
_TOWNS = "Alden Brook Carrow Dunmore Elston Farley Gorham Hadley Ilford Jarrow Kelso Lowick".split()
_GOODS = "copper timber barley cotton salt tin cement paper glass wool rubber coffee".split()
_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_FILLER = (
    "The committee met in the usual room and took note of the minutes.",
    "Nothing of interest was said about the roof, which is to be seen to in spring.",
    "A letter from the auditors was read and put on file.",
    "It rained for most of the week and the yard stayed closed.",
    "Members were reminded to hand in their keys before the holidays.",
    "The clock in the hall was wound and found to be slow.",
)
Made = tuple[str, str, "Kind", list[str]]


def synthetic(task: str, count: int, *, tokens: int, seed: int = 0) -> Iterator[Example]:
    """`count` examples of a task whose contexts have about `tokens` tokens, at four characters
    each. The same seed makes the same examples.

    Raises `OptionError` for a task that is not known, or too few tokens to hold one.
    """
    if task not in TASKS:
        raise unknown("task", task, tuple(TASKS))
    if tokens < 200:
        raise OptionError(f"a document needs at least 200 tokens, got {tokens}")
    for number in range(count):
        uid = f"{task}-{tokens}-{seed}-{number}"
        chance = random.Random(uid)
        question, answer, kind, needed = TASKS[task](chance, 4 * tokens)
        context = _among(chance, needed, 4 * tokens)
        yield Example(uid, question, context, (answer,), kind, f"synthetic-{task}", tokens)


def _chain(chance: random.Random, size: int) -> Made:
    steps = chance.randint(2, 4)
    # Someone above the one asked for: who is at a chain's end is not always right.
    people = _people(chance, min(256, 2 * steps + 4 + size // 400))
    lines = [f"{a} reports to {b}." for a, b in pairwise(people[: steps + 2])]
    others = people[steps + 2 :]
    while others:
        length = chance.randint(2, 5)
        lines += [f"{a} reports to {b}." for a, b in pairwise(others[:length])]
        others = others[length:]
    top = people[steps]
    question = (
        f"Starting from {people[0]}, go up {steps} steps, each from someone to the person they"
        " report to. Who is reached?"
    )
    return question, top, "text", lines


def _table(chance: random.Random, size: int) -> Made:
    town, good = chance.choice(_TOWNS), chance.choice(_GOODS)
    pairs = [(t, g) for t in _TOWNS for g in _GOODS if (t, g) != (town, good)]
    chance.shuffle(pairs)
    rows = [(town, good), *pairs[: max(2, min(len(pairs), size // 1200))]]
    lines = []
    wanted: dict[str, int] = {}
    for place, ware in rows:
        figures = {month: chance.randint(100, 9_999) for month in _MONTHS}
        if (place, ware) == (town, good):
            wanted = figures
        cells = " | ".join(f"{month} {tons:,}" for month, tons in figures.items())
        lines.append(f"Shipments of {ware} from {place}, in tonnes: {cells}.")
    first, second = sorted(chance.sample(range(12), 2))
    a, b = _MONTHS[first], _MONTHS[second]
    question = (
        f"By how many tonnes did shipments of {good} from {town} change from {a} to {b}?"
        " Give a negative number if they fell."
    )
    return question, str(wanted[b] - wanted[a]), "numeric", lines


def _count(chance: random.Random, size: int) -> Made:
    town, good = chance.choice(_TOWNS), chance.choice(_GOODS)
    number = chance.randint(3, 12)
    lines = [_note(chance, town, good) for _ in range(number)]
    for _ in range(max(number, min(400, size // 400))):
        # Of the same town or the same goods, never of both.
        if chance.random() < 0.5:
            lines.append(_note(chance, town, chance.choice([g for g in _GOODS if g != good])))
        else:
            lines.append(_note(chance, chance.choice([t for t in _TOWNS if t != town]), good))
    question = f"How many orders of {good} were placed in {town}?"
    return question, str(number), "numeric", lines


TASKS: dict[str, Callable[[random.Random, int], Made]] = {
    "chain": _chain,
    "table": _table,
    "count": _count,
}


def _note(chance: random.Random, town: str, good: str) -> str:
    who = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    return f"On {chance.randint(1, 28)} {chance.choice(_MONTHS)} {who} ordered {good} in {town}."


def _people(chance: random.Random, number: int) -> list[str]:
    names = [f"{first} {last}" for first in _FIRST for last in _LAST]
    return chance.sample(names, number)


def _among(chance: random.Random, needed: list[str], size: int) -> str:
    """The lines in any order, among as much filler as makes them `size` characters."""
    lines = list(needed)
    length = sum(len(line) + 1 for line in lines)
    while length < size:
        lines.append(chance.choice(_FILLER))
        length += len(lines[-1]) + 1
    chance.shuffle(lines)
    return "\n".join(lines)
