"""Lines: all that mention something, and the one line that holds a key."""

from __future__ import annotations

import random

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.plant import Draft, Span
from cprs.train.tasks.values import TOWNS, distinct, number, triple

_EVENTS = (
    "a parcel from {town} was handed to {who}",
    "{who} signed for {count} crates at {town}",
    "the gate at {town} was opened for {who}",
    "{who} reported {count} missing sheets",
    "delivery {count} to {town} is late, {who} was told",
    "{who} asked for a receipt",
    "the meter of {who} shows {count} units",
    "{who} moved to dock {count}",
)
_HEADS = ("[{clock}] ", "{clock} - ", "{place}. ", "* ", "{clock}  INFO  ")
_ASK_MENTION = (
    "Which lines mention {who}?",
    "Show every line with {who} in it.",
    "List all entries about {who}.",
    "grep {who}",
)
_MENTION_INSTRUCTIONS = ("", "", "Extract the lines that match.", "Return whole lines only.")
ROWS = (
    "line {key}: its register holds {value}",
    "Entry {key} is filed with the number {value}.",
    "{key}\t{value}",
    "{key} -> {value}",
)
ASK_ROW = (
    "What number does the line {key} hold?",
    "What is filed under {key}?",
    "Give the number in the entry for {key}.",
)


def _mentions(order: Order) -> Made:
    """A register of events; a few people are in 1 to 6 lines each, and asked for."""
    rng = order.rng
    head = rng.choice(_HEADS)
    clock = rng.randrange(10**7)
    crowd = distinct(_level_name, 60, rng)
    rare = crowd[: min(4, order.length // 400)]
    lines: list[str] = []
    left = order.length
    while True:
        clock += rng.randrange(1, 90)
        begin = head.format(clock=_clock(clock), place=len(lines) + 1)
        line = begin + _event(rng.choice(crowd[len(rare) + 1 :]), rng)
        if len(line) > 2 * left:
            break
        lines.append(line)
        left -= len(line) + 1
    who_at: dict[int, str] = {}
    for person in rare:
        for turn in range(rng.randrange(1, 7)):
            first = person == rare[0] and not turn
            place = round(order.depth * (len(lines) - 1)) if first else rng.randrange(len(lines))
            if place not in who_at:
                who_at[place] = person
    for place, person in who_at.items():
        known = next(name for name in crowd if name in lines[place])
        lines[place] = lines[place].replace(known, person)
    draft = Draft()
    spans: dict[str, list[tuple[int, int]]] = {}
    for place, line in enumerate(lines):
        where = draft.add(line)
        draft.add("\n")
        if place in who_at:
            spans.setdefault(who_at[place], []).append(where)
    questions = [
        Question(
            rng.choice(_ASK_MENTION).format(who=person),
            tuple(spans[person]),
            level="line",
            instruction=rng.choice(_MENTION_INSTRUCTIONS),
        )
        for person in rare
        if person in spans
    ]
    nobody = crowd[len(rare)]
    questions.append(Question(rng.choice(_ASK_MENTION).format(who=nobody), (), level="line"))
    return draft.text(), questions


def _level_name(rng: random.Random) -> str:
    """A name of 17 or 18 letters: one in place of another must not change a text's length."""
    while not 17 <= len(name := triple(rng)) <= 18:
        pass
    return name


def _event(who: str, rng: random.Random) -> str:
    event = rng.choice(_EVENTS)
    return event.format(who=who, town=rng.choice(TOWNS), count=rng.randrange(2, 900))


def _records(order: Order) -> Made:
    """Lines alike but for key and number, as LongEval's (lmsys.org, 2023) are."""
    rng = order.rng
    text, found = write_rows(rng.choice(ROWS), order.length, rng)
    keys = list(found)
    chosen = keys[round(order.depth * (len(keys) - 1))]
    questions = [
        Question(rng.choice(ASK_ROW).format(key=key), (found[key][1],), (found[key][0],), "line")
        for key in dict.fromkeys([chosen, *rng.sample(keys, 2)])
    ]
    absent = triple(rng)
    while absent in found:
        absent = triple(rng)
    questions.append(Question(rng.choice(ASK_ROW).format(key=absent), (), (), "line"))
    return text, questions


def write_rows(
    row: str, length: int, rng: random.Random
) -> tuple[str, dict[str, tuple[str, Span]]]:
    """About `length` code points of rows; the value of each key, and where its row lies."""
    draft = Draft()
    found: dict[str, tuple[str, Span]] = {}
    while length - draft.length > 25:
        key, content = triple(rng), number(rng)
        if key not in found:
            found[key] = content, draft.add(row.format(key=key, value=content))
            draft.add("\n")
    return draft.text(), found


def _clock(second: int) -> str:
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{hour % 24:02}:{minute:02}:{second:02}"


line_mentions = task("line_mentions", _mentions)
line_records = task("line_records", _records)
