"""Attributes of made-up ships: hard negatives say another thing of it, or the same of another."""

from __future__ import annotations

import random

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, instructed, task
from cprs.train.tasks.plant import Piece, plant
from cprs.train.tasks.values import TOWNS, distinct, person, triple

_ATTRIBUTES = {
    "captain": ("The captain of the {ship} is {value}.", "Who is the captain of the {ship}?"),
    "cargo": ("The {ship} carries a cargo of {value}.", "What cargo does the {ship} carry?"),
    "home": ("The home port of the {ship} is {value}.", "Which is the home port of the {ship}?"),
    "builder": ("The {ship} was built by {value}.", "Who built the {ship}?"),
    "colour": ("The hull of the {ship} is painted {value}.", "What colour is the {ship}'s hull?"),
    "length": ("The {ship} measures {value} feet from bow to stern.", "How long is the {ship}?"),
}
_CARGO = ("salt wool timber grain tin glass tea slate copper cork linen honey").split()
_COLOURS = ["black", "white", "green", "yellow", "grey", "orange", "blue", "brown"]


def _build(order: Order) -> Made:
    rng = order.rng
    ships = distinct(triple, order.few(500, most=20), rng)
    pieces: list[Piece] = []
    facts: list[tuple[str, str, str]] = []
    unsaid: list[tuple[str, str]] = []
    for ship in ships:
        # At least one attribute of each ship stays unsaid, so that one can be asked in vain.
        said = rng.sample(sorted(_ATTRIBUTES), rng.randrange(2, 5))
        unsaid += [(ship, what) for what in sorted(_ATTRIBUTES) if what not in said]
        for what in said:
            content = _value(what, rng)
            depth = rng.random() if pieces else order.depth
            pieces.append(Piece(_ATTRIBUTES[what][0].format(ship=ship, value=content), depth))
            facts.append((ship, what, content))
    room = order.length * 2 // 3
    while sum(len(piece.text) + 1 for piece in pieces) > room:
        ship, what, _ = facts.pop()
        unsaid.append((ship, what))
        pieces.pop()
    text, spans = plant(pieces, order)
    questions = [
        instructed(
            Question(
                _ATTRIBUTES[what][1].format(ship=ship),
                (spans[number],),
                (content,),
                "sentence",
            ),
            rng,
        )
        for number, (ship, what, content) in enumerate(facts)
        if number == 0 or rng.random() < 2 / len(facts)
    ]
    questions += [
        Question(_ATTRIBUTES[what][1].format(ship=ship), (), (), "sentence")
        for ship, what in rng.sample(unsaid, 2)
    ]
    return text, questions


def _value(what: str, rng: random.Random) -> str:
    match what:
        case "captain" | "builder":
            return person(rng)
        case "cargo":
            return rng.choice(_CARGO)
        case "home":
            return rng.choice(TOWNS)
        case "colour":
            return rng.choice(_COLOURS)
        case _:
            return str(rng.randrange(40, 400))


attributes = task("attributes", _build)
