"""Evidence of many sentences in one piece, long enough to lie across a window's edge."""

from __future__ import annotations

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, instructed, task
from cprs.train.tasks.plant import Piece, plant
from cprs.train.tasks.values import TOWNS, number, person, sibling, triple

_FACTS = (
    "It stands two streets from the old gate of {town}.",
    "It has been in the hands of {person} for a generation.",
    "The register lists it under {number}.",
    "Visitors are let in on foot and in small groups only.",
    "Its roof was renewed with money from {town}.",
    "Those who wish to rent a room there ask for {person}.",
    "No carts may stop in front of it.",
    "The lower floor is kept locked, and {person} has the key.",
    "Every spring the walls are washed white again.",
    "A cart from {town} brings what is needed there once a week.",
    "The well behind it is {number} inches deep.",
    "Complaints are heard at the door, never inside.",
)
_ASK = (
    "What does the text say about the {name} house?",
    "Give me everything on the {name} house.",
    "Summarise the notice about the {name} house.",
)


def _build(order: Order) -> Made:
    """Notices on houses; one is asked for, and one that has none."""
    rng = order.rng
    name = triple(rng)
    names = [name, sibling(name, rng)]
    most = 4 if order.length < 2_500 else len(_FACTS)
    pieces = []
    for number_of, own in enumerate(names[: 1 + (order.length > 1_500)]):
        facts = rng.sample(_FACTS, rng.randrange(2, most + 1))
        said = [
            fact.format(town=rng.choice(TOWNS), person=person(rng), number=number(rng))
            for fact in facts
        ]
        notice = " ".join([f"Notice on the {own} house.", *said])
        depth = rng.random() if number_of else order.depth
        pieces.append(Piece(notice, depth, "paragraph"))
    text, spans = plant(pieces, order)
    ask = rng.choice(_ASK)
    start, end = spans[0]
    other = sibling(name, rng)
    while other in names:
        other = sibling(name, rng)
    return text, [
        instructed(
            Question(ask.format(name=name), (spans[0],), (text[start:end],), "paragraph"), rng
        ),
        Question(ask.format(name=other), (), (), "paragraph"),
    ]


notices = task("notices", _build)
