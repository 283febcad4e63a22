"""Texts without evidence: questions of other tasks asked of a text that holds no answer."""

from __future__ import annotations

from collections.abc import Callable

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, instructed, task
from cprs.train.tasks.plant import Piece, plant
from cprs.train.tasks.values import TOWNS, number, person, sibling, triple, uuid4

_ASK: tuple[tuple[str, Callable[..., str]], ...] = (
    ("What is the secret number of {}?", triple),
    ("Which lines mention {}?", person),
    ('Look up the key "{}" and give its value.', uuid4),
    ("What is the pass key of {}?", triple),
    ("Who is the captain of the {}?", triple),
    ("Which variables have the value {}?", number),
    ("Where is the {} now?", triple),
)
# Each says something of the name that is no answer to any of the questions above.
_NEAR = (
    "Nothing is written here about {} but its name.",
    "They spoke of {} for a while, and then of the weather.",
    "The {} is a thing of the past.",
    "In {town} there is a street called {}.",
)


def _build(order: Order) -> Made:
    rng = order.rng
    asked = [(ask.format(name), name) for ask, make in rng.sample(_ASK, 4) for name in [make(rng)]]
    pieces: list[Piece] = []
    if rng.random() < 0.5:
        # Half of the texts hold something that looks like what is asked for.
        for _, name in asked:
            near = sibling(name, rng) if "-" in name and not name[0].isdigit() else name
            said = rng.choice(_NEAR).format(near, town=rng.choice(TOWNS))
            depth = rng.random() if pieces else order.depth
            if near != name:
                pieces.append(Piece(said, depth))
    text, _ = plant(pieces, order)
    questions = [Question(ask, (), (), "sentence") for ask, name in asked if name not in text]
    return text, [instructed(question, rng) for question in questions]


absent = task("absent", _build)
