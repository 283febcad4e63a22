"""Keys and values: one JSON object, an array of records, JSON lines; asked by key."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.plant import Draft, Span
from cprs.train.tasks.values import number, triple, uuid4

ASK = (
    "What is the value of {key}?",
    'Return the value that belongs to the key "{key}".',
    "Look up {key} and give its value.",
    "Find the entry with the key {key}.",
    "Extract the value that corresponds to this key from the JSON data. Key: {key}",
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How keys and values are written: what is around them, between them, and each of them."""

    head: str
    tail: str
    between: str
    render: Callable[[str, str], str]


LAYOUTS = (
    Layout("{\n", "\n}", ",\n", lambda k, v: f'  "{k}": {json.dumps(v)}'),
    Layout("{", "}", ", ", lambda k, v: f'"{k}": {json.dumps(v)}'),
    Layout("[\n", "\n]", ",\n", lambda k, v: "  " + json.dumps({"key": k, "value": v})),
    Layout("", "", "\n", lambda k, v: json.dumps({"id": k, "content": v})),
)
"""An object of a line a pair, one all on a line, an array of records, JSON lines."""


def _build(order: Order) -> Made:
    rng = order.rng
    layout = rng.choice(LAYOUTS)
    key_of, value_of = rng.choice((uuid4, triple)), rng.choice((uuid4, triple, number))
    entries = draw_entries(layout, order.length, key_of, value_of, rng)
    keys = list(entries)
    text, spans = write_entries(layout, entries)
    chosen = keys[round(order.depth * (len(keys) - 1))]
    asked = dict.fromkeys([chosen, *rng.sample(keys, min(3, len(keys)))])
    questions = [
        Question(rng.choice(ASK).format(key=key), (spans[key],), (entries[key],), "line")
        for key in asked
    ]
    absent = key_of(rng)
    while absent in entries:
        absent = key_of(rng)
    questions.append(Question(rng.choice(ASK).format(key=absent), (), (), "line"))
    return text, questions


def draw_entries(
    layout: Layout,
    length: int,
    key_of: Callable[[random.Random], str],
    value_of: Callable[[random.Random], str],
    rng: random.Random,
) -> dict[str, str]:
    """Values by key, as many as `layout` writes in about `length` code points."""
    entries: dict[str, str] = {}
    room = length - len(layout.head) - len(layout.tail)
    while room > 0:
        key, content = key_of(rng), value_of(rng)
        size = len(layout.render(key, content)) + len(layout.between)
        if size > 2 * room:
            break
        if key not in entries:
            entries[key] = content
            room -= size
    return entries


def write_entries(layout: Layout, entries: Mapping[str, str]) -> tuple[str, dict[str, Span]]:
    """The text, and where the entry of each key lies."""
    draft = Draft()
    draft.add(layout.head)
    spans = {}
    for place, key in enumerate(entries):
        if place:
            draft.add(layout.between)
        line = layout.render(key, entries[key])
        start, end = draft.add(line)
        spans[key] = (start + len(line) - len(line.lstrip()), end)
    draft.add(layout.tail)
    return draft.text(), spans


json_key_value = task("json_key_value", _build)
