"""Reports and logs put together from templates, more or less full of marked things."""

from __future__ import annotations

from dataclasses import replace

from cprs.train.tasks import journals, scenes
from cprs.train.tasks.base import Order
from cprs.train.tasks.composed import Block, Composed, compose, ended, prose
from cprs.train.tasks.marked import Marked
from cprs.train.tasks.wishes import WISHES

_SURE = frozenset(
    (
        *("email", "url", "phone", "address", "version", "reference", "time", "timestamp"),
        *("error", "warning", "info", "debug", "trace", "import", "constant"),
    )
)
"""Kinds that no text without digits and signs has: the rest is only asked of our own prose."""
_STAMPED = frozenset({"date", "time", "duration"})
"""What a reader may or may not see in a log's time stamps; not asked of texts with these."""
_LOGGED = frozenset({"error", "warning", "info"})


def report(order: Order) -> Composed:
    """Prose, lists, tables and conversations, more or less full of things."""
    rng = order.rng
    busy = rng.choice((0.1, 0.25, 0.5, 0.8))
    noted = rng.choice((0.0, 0.0, 0.1, 0.25))
    roles = rng.sample(sorted(scenes.ROLES), rng.randrange(1, 4))
    hay = prose(order)

    def sentence() -> Marked:
        draw = rng.random()
        if draw < noted:
            return scenes.role(rng.choice(roles), rng)
        if draw < noted + busy * (1 - noted):
            return scenes.mention(rng)
        return Marked(next(hay)) if rng.random() < 0.5 else scenes.plain(rng)

    def block() -> Block:
        sort = rng.random()
        count = rng.randrange(2, 9)
        if sort < 0.6:
            return [sentence() for _ in range(count)], rng.choice((" ", " ", " ", "\n"))
        if sort < 0.7:
            return [sentence().after("- ") for _ in range(count)], "\n"
        if sort < 0.8:
            return scenes.spoken(rng, count), "\n"
        if sort < 0.9:
            return scenes.key_values(rng, count), "\n"
        return scenes.table(rng, count), "\n"

    made = compose(order, ended(order, block, lambda: scenes.mention(rng)))
    return _known(order, made)


def journal(order: Order) -> Composed:
    """A log, at times with some prose above it."""
    rng = order.rng
    how = journals.style(rng)
    rare = rng.choice((0.02, 0.05, 0.15, 0.3))
    second = rng.randrange(10**7)

    def block() -> Block:
        nonlocal second
        if rng.random() < 0.1:
            return [scenes.plain(rng) for _ in range(3)], " "
        made: list[Marked] = []
        for _ in range(rng.randrange(5, 40)):
            second += rng.randrange(1, 60)
            made += journals.lines(rng, how, second, rare=rare)
        return made, "\n"

    def line() -> Marked:
        return journals.lines(rng, how, second, rare=rare)[0]

    return _known(order, compose(order, ended(order, block, line)))


def _known(order: Order, made: Composed) -> Composed:
    """The same with the kinds that may be asked of it, there or not."""
    kinds = {mark.kind for mark in made.marks}
    # One word for both, and only one of them is meant.
    unlike = {"caution"} if kinds & _LOGGED else {"warning", "error"}
    unlike |= {"complaint", "keyphrase"}
    if "timestamp" in kinds:
        unlike |= _STAMPED
    possible = (kind for kind in WISHES if order.hay.generated or kind in _SURE)
    return replace(made, wishes={kind: WISHES[kind] for kind in possible if kind not in unlike})
