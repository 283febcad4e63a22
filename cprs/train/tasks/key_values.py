"""Keys and values: one JSON object, an array of records, JSON lines; asked by key."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.plant import Draft
from cprs.train.tasks.values import number, triple, uuid4

_ASK = (
    "What is the value of {key}?",
    'Return the value that belongs to the key "{key}".',
    "Look up {key} and give its value.",
    "Find the entry with the key {key}.",
    "Extract the value that corresponds to this key from the JSON data. Key: {key}",
)


@dataclass(frozen=True, slots=True)
class _Layout:
    head: str
    tail: str
    between: str
    render: Callable[[str, str], str]


_LAYOUTS = (
    _Layout("{\n", "\n}", ",\n", lambda k, v: f'  "{k}": {json.dumps(v)}'),
    _Layout("{", "}", ", ", lambda k, v: f'"{k}": {json.dumps(v)}'),
    _Layout("[\n", "\n]", ",\n", lambda k, v: "  " + json.dumps({"key": k, "value": v})),
    _Layout("", "", "\n", lambda k, v: json.dumps({"id": k, "content": v})),
)


def _build(order: Order) -> Made:
    rng = order.rng
    layout = rng.choice(_LAYOUTS)
    key_of, value_of = rng.choice((uuid4, triple)), rng.choice((uuid4, triple, number))
    entries: dict[str, str] = {}
    room = order.length - len(layout.head) - len(layout.tail)
    while room > 0:
        key, content = key_of(rng), value_of(rng)
        size = len(layout.render(key, content)) + len(layout.between)
        if size > 2 * room:
            break
        if key not in entries:
            entries[key] = content
            room -= size
    keys = list(entries)
    draft = Draft()
    draft.add(layout.head)
    spans = {}
    for place, key in enumerate(keys):
        if place:
            draft.add(layout.between)
        line = layout.render(key, entries[key])
        start, end = draft.add(line)
        spans[key] = (start + len(line) - len(line.lstrip()), end)
    draft.add(layout.tail)
    chosen = keys[round(order.depth * (len(keys) - 1))]
    asked = dict.fromkeys([chosen, *rng.sample(keys, min(3, len(keys)))])
    questions = [
        Question(rng.choice(_ASK).format(key=key), (spans[key],), (entries[key],), "line")
        for key in asked
    ]
    absent = key_of(rng)
    while absent in entries:
        absent = key_of(rng)
    questions.append(Question(rng.choice(_ASK).format(key=absent), (), (), "line"))
    return draft.text(), questions


json_key_value = task("json_key_value", _build)
