"""Prose with needles in it: named ones at all depths at once, unnamed ones at one depth a sheet.

Families of RULER (arXiv 2404.06654): needles of words, numbers and UUIDs, with many keys, many
values, many queries; chains of variables. Of InfiniteBench (arXiv 2402.13718): a pass key and a
number string, which have no name, so that a text may hold one of each.
"""

from __future__ import annotations

from collections.abc import Iterator

from cprs.train.sets.data import Question
from cprs.train.tasks.hidden.base import Hidden, Order, Sheet
from cprs.train.tasks.hidden.finds import NAMED, UNNAMED, Find, Names
from cprs.train.tasks.plant import lay

PROSE_TASKS = (*NAMED, *UNNAMED)
CROWDED = 0.1
"""Share of a text that needles may be."""


def prose_sheets(order: Order) -> Iterator[Sheet]:
    """A sheet a depth. Where the text has room, each holds the named needles of all depths, and
    the first asks for them; the others then differ from it in where the unnamed ones lie."""
    named = [task for task in NAMED if not order.tasks or task in order.tasks]
    unnamed = [task for task in UNNAMED if not order.tasks or task in order.tasks]
    if not named and not unnamed:
        return
    names = Names()
    by_name = [
        [NAMED[task](order, order.draw(task, number), depth, names) for task in named]
        for number, depth in enumerate(order.places)
    ]
    every = [find for finds in by_name for find in finds]
    length = order.length(lambda size: "".join(order.haystack.take(size, order.draw("prose"))))
    together = sum(find.length for find in every) <= CROWDED * length
    if together and not unnamed:
        yield _sheet(order, length, every, every)
        return
    for number, depth in enumerate(order.places):
        # The same digits at every depth: the text around them is then the same as well.
        own = [UNNAMED[task](order, order.draw(task), depth) for task in unnamed]
        if not together:
            yield _sheet(order, length, [*own, *by_name[number]], [*own, *by_name[number]])
        else:
            yield _sheet(order, length, [*own, *every], own if number else [*own, *every])


def _sheet(order: Order, length: int, finds: list[Find], asked: list[Find]) -> Sheet:
    """A text around all `finds`, and the questions of `asked`."""
    room = length - sum(find.length for find in finds)
    pieces = [piece for find in finds for piece in find.pieces]
    text, spans = lay(order.haystack.take(max(room, 0), order.draw("prose")), pieces)
    hidden = {}
    at = 0
    for find in finds:
        mine = sorted(spans[at : at + find.evidence])
        at += len(find.pieces)
        question = Question(find.ask, tuple(mine), find.answers, find.level)
        hidden[id(find)] = Hidden(find.task, find.depth, question)
    for find in asked:
        order.fits(find.task, text, hidden[id(find)].question.evidence)
    return Sheet("prose", text, tuple(hidden[id(find)] for find in asked))
