"""Facts about moved objects: where a thing is follows from who took it and where they went.

After bAbI's tasks 2 and 3 (arXiv 1502.05698) in long text (BABILong, arXiv 2406.10149), with our
own world. Evidence is the taking and the last walk, or the putting down and the walk before it.
"""

from __future__ import annotations

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, instructed, task
from cprs.train.tasks.plant import Piece, plant
from cprs.train.tasks.values import given

_THINGS = (
    "compass flute thimble medal hourglass pocketknife scarf candlestick teapot magnifier "
    "harmonica paintbrush"
).split()
_ROOMS = (
    "attic pantry conservatory laundry ballroom dressing_room boathouse greenhouse armoury study"
).split()
_WALK = (
    "{who} went to the {room}.",
    "{who} walked into the {room}.",
    "{who} is in the {room} now.",
)
_TAKE = ("{who} picked up the {thing}.", "{who} took the {thing}.")
_DROP = ("{who} left the {thing} there.", "{who} put down the {thing}.")


def _build(order: Order) -> Made:
    """Events in order. The asked thing is taken, carried, and sometimes put down; others too."""
    rng = order.rng
    events = order.few(220, most=40) + 3
    people = given(rng, 5)
    things = rng.sample(_THINGS, 5)
    rooms = [room.replace("_", " ") for room in rng.sample(_ROOMS, 7)]
    who, thing = people[0], things[0]
    dropped = rng.random() < 0.5
    end, absent = rooms[0], things[4]
    start = round(order.depth * (events - 3))
    own = [
        rng.choice(_TAKE).format(who=who, thing=thing),
        rng.choice(_WALK).format(who=who, room=end),
    ]
    if dropped:
        own.append(rng.choice(_DROP).format(who=who, thing=thing))
    told: list[tuple[str, bool]] = []
    seen_before = False
    for place in range(events):
        if place == start:
            told += [(event, True) for event in own]
        other = rng.choice(people[1:])
        if rng.random() < 0.3:
            told.append((rng.choice(_TAKE).format(who=other, thing=rng.choice(things[1:4])), False))
        elif place < start and not seen_before and rng.random() < 0.5:
            # An earlier stay of the same person is the nearest thing to an answer that is none.
            told.append((rng.choice(_WALK[:2]).format(who=who, room=rooms[1]), False))
            seen_before = True
        elif dropped and place > start and rng.random() < 0.2:
            told.append((rng.choice(_WALK[:2]).format(who=who, room=rng.choice(rooms[1:])), False))
        else:
            told.append((rng.choice(_WALK).format(who=other, room=rng.choice(rooms[1:])), False))
    first = next(number for number, (_, ours) in enumerate(told) if ours)
    depths = sorted(rng.random() for _ in told)
    depths[first] = order.depth
    depths[:first] = [depth * order.depth for depth in sorted(rng.random() for _ in told[:first])]
    depths[first + 1 :] = sorted(
        order.depth + (1 - order.depth) * rng.random() for _ in told[first + 1 :]
    )
    if order.depth == 1:
        # Others come before, so that the very last sentence is evidence.
        told = [event for event in told if not event[1]] + [event for event in told if event[1]]
        depths = [*sorted(rng.random() for _ in told[: -len(own)]), *(1.0 for _ in own)]
    pieces = [Piece(event, depth) for (event, _), depth in zip(told, depths, strict=True)]
    text, spans = plant(pieces, order)
    evidence = [span for span, (_, ours) in zip(spans, told, strict=True) if ours]
    needed = evidence[1:] if dropped else evidence
    questions = [
        instructed(
            Question(f"Where is the {thing}?", tuple(needed), (end,), "sentence"),
            rng,
        ),
        Question(f"Who took the {thing}?", (evidence[0],), (who,), "sentence"),
        Question(f"Where is the {absent}?", (), (), "sentence"),
    ]
    return text, questions


moved_objects = task("moved_objects", _build, context="alone")
