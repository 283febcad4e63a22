"""Chains of assignments: the value of the last variable needs every link before it.

After RULER's variable tracking (arXiv 2404.06654, §3.2). Evidence is the whole chain, or the part
of it that the question needs.
"""

from __future__ import annotations

import random
import string

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, instructed, task
from cprs.train.tasks.plant import Piece, plant
from cprs.train.tasks.values import distinct

SYNTAX = (
    ("VAR {name} = {value}", "VAR {name}"),
    ("let {name} = {value};", "{name}"),
    ("{name} := {value}", "{name}"),
    ("export {name}={value}", "${name}"),
    ("Assign {value} to {name}.", "the value of {name}"),
)
ASK_ALL = (
    "Which variables have the value {value} in the end?",
    "Find all variables that are assigned the value {value}, directly or through others.",
    "List each variable that equals {value}.",
)
_ASK_ONE = (
    "What is the value of the variable {name}?",
    "Which number does {name} hold?",
    "Trace {name} back to its number.",
)


def _build(order: Order) -> Made:
    rng = order.rng
    write, read = rng.choice(SYNTAX)
    hops = rng.randrange(2, 5)
    # Half the texts have one chain alone: whatever assigns is then part of it, wherever it leads.
    chains = 1 if rng.random() < 0.5 else order.few(900, most=6)
    names = distinct(variable, chains * (hops + 1), rng)
    values = distinct(lambda r: str(r.randrange(10_000, 99_999)), chains, rng)
    pieces: list[Piece] = []
    for chain, number in enumerate(values):
        own = names[chain * (hops + 1) : (chain + 1) * (hops + 1)]
        depths = [rng.random() for _ in own]
        if not chain:
            depths[0] = order.depth
        # A variable is assigned before it is read.
        for place, depth in enumerate(sorted(depths)):
            source = read.format(name=own[place - 1]) if place else number
            pieces.append(Piece(write.format(name=own[place], value=source), depth, "line"))
    text, spans = plant(pieces, order)
    length = hops + 1
    upto = rng.randrange(1, length)
    questions = [
        instructed(
            Question(
                rng.choice(ASK_ALL).format(value=values[0]),
                tuple(spans[:length]),
                tuple(names[:length]),
                "line",
            ),
            rng,
        ),
        Question(
            rng.choice(_ASK_ONE).format(name=names[upto]),
            tuple(spans[: upto + 1]),
            (values[0],),
            "line",
        ),
    ]
    absent = variable(rng)
    while absent in names:
        absent = variable(rng)
    questions.append(Question(rng.choice(_ASK_ONE).format(name=absent), (), (), "line"))
    return text, questions


def variable(rng: random.Random) -> str:
    """Five capital letters."""
    return "".join(rng.choices(string.ascii_uppercase, k=5))


variable_chain = task("variable_chain", _build)
