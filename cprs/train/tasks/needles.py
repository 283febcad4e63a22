"""Needles: a value given to a name somewhere in a long text, among needles of other names.

The families of RULER (arXiv 2404.06654, §3.1): one needle, many keys, many values of one key, many
keys asked at once. Values are words, numbers or UUIDs; the wording is our own.
"""

from __future__ import annotations

import random

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, instructed, task
from cprs.train.tasks.plant import Piece, plant
from cprs.train.tasks.values import KINDS, distinct, listed, sibling, triple, value

SAY = (
    "The secret {kind} of {key} is {value}.",
    "For {key}, the secret {kind} is {value}.",
    "Note that {value} is the secret {kind} given to {key}.",
    "Remember this: the secret {kind} that belongs to {key} is {value}.",
    "Whoever asks for {key} must be told the secret {kind} {value}.",
)
ASK = (
    "What is the secret {kind} of {key}?",
    "Which secret {kind} was given to {key}?",
    "Tell me the secret {kind} that belongs to {key}.",
    "The text names a secret {kind} for {key}. What is it?",
)
ASK_ALL = (
    "What are all the secret {kind}s of {key}?",
    "List every secret {kind} that was given to {key}.",
    "Which secret {kind}s belong to {key}? Name all of them.",
)


def _build(order: Order, *, asked: int, values: int, distractors: int) -> Made:
    """`asked` keys with `values` values each, among needles of `distractors` other keys."""
    rng = order.rng
    kind = rng.choice(KINDS)
    keys = distinct(triple, asked, rng)
    # Half of the others share a word with what is asked for.
    while len(keys) < asked + distractors:
        other = sibling(rng.choice(keys[:asked]), rng) if rng.random() < 0.5 else triple(rng)
        if other not in keys:
            keys.append(other)
    say = rng.choice(SAY)
    pieces: list[Piece] = []
    answers: list[str] = []
    for number, key in enumerate(keys):
        for content in distinct(lambda r: value(kind, r), values, rng):
            depth = order.depth if not pieces else rng.random()
            pieces.append(Piece(say.format(kind=kind, key=key, value=content), depth))
            if number < asked:
                answers.append(content)
    text, spans = plant(pieces, order)
    ask = rng.choice(ASK if values == 1 and asked == 1 else ASK_ALL)
    found = asked * values
    question = Question(
        ask.format(kind=kind, key=listed(keys[:asked])),
        tuple(spans[:found]),
        tuple(answers),
        "sentence",
    )
    return text, [instructed(question, rng), _missing(kind, keys, text, rng)]


def _missing(kind: str, keys: list[str], text: str, rng: random.Random) -> Question:
    """A question about a name the text does not have, though it has one that is like it."""
    key = sibling(rng.choice(keys), rng)
    while key in text:
        key = sibling(rng.choice(keys), rng)
    return Question(rng.choice(ASK).format(kind=kind, key=key), (), (), "sentence")


def _one(order: Order) -> Made:
    return _build(order, asked=1, values=1, distractors=0)


def _many_keys(order: Order) -> Made:
    return _build(order, asked=1, values=1, distractors=order.few(350, most=60))


def _many_values(order: Order) -> Made:
    return _build(order, asked=1, values=order.few(500, most=4), distractors=1)


def _many_queries(order: Order) -> Made:
    asked = order.few(400, most=4)
    return _build(order, asked=asked, values=1, distractors=asked)


needle = task("needle", _one)
needle_multikey = task("needle_multikey", _many_keys)
needle_multivalue = task("needle_multivalue", _many_values)
needle_multiquery = task("needle_multiquery", _many_queries)
