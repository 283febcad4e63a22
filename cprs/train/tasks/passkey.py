"""A pass key, or a long run of digits, in a text that is about nothing else.

After the tasks of the same names in InfiniteBench (arXiv 2402.13718), in our own words. The text
around is a few sentences over and over, or the haystack.
"""

from __future__ import annotations

from itertools import cycle

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.plant import Piece, lay, plant
from cprs.train.tasks.values import pair, sibling

_FILLER = (
    "The leaves are yellow. The road is long. Clouds come, clouds leave. On we walk. ",
    "Rain falls on the roof. The lamp is lit. Someone hums a tune. The night is calm. ",
    "The field is wide. The gate is open. Birds rise and settle. It is noon. ",
)


def _key(order: Order) -> Made:
    rng = order.rng
    digits = str(rng.randrange(10**4, 10 ** rng.randrange(5, 10)))
    name = pair(rng) if rng.random() < 0.5 else ""
    what = f"pass key of {name}" if name else "pass key"
    piece = rng.choice(
        (
            f"The {what} is {digits}. Keep it in mind: {digits} is the {what}.",
            f"Here is the {what}: {digits}. Do not forget it.",
            f"{digits} is the {what}.",
        )
    )
    ask = rng.choice(("What is the {}?", "Which is the {} hidden in the text?", "Find the {}."))
    text, where = _hide(piece, order)
    questions = [Question(ask.format(what), (where,), (digits,), "sentence")]
    if name:
        other = f"pass key of {sibling(name, rng)}"
        questions.append(Question(ask.format(other), (), (), "sentence"))
    return text, questions


def _digits(order: Order) -> Made:
    rng = order.rng
    length = rng.randrange(10, 40)
    # Runs of equal digits are what makes it hard to copy.
    digits = "".join(d * rng.randrange(1, 5) for d in rng.choices("0123456789", k=length))[:length]
    piece = rng.choice(
        (
            f"The number string is {digits}. Again, {digits} is the number string.",
            f"The string of digits reads {digits}.",
            f"Write down this run of digits: {digits}.",
        )
    )
    ask = rng.choice(
        (
            "What is the number string in the text?",
            "Which long string of digits does the text give?",
            "Repeat the run of digits.",
        )
    )
    text, where = _hide(piece, order)
    return text, [Question(ask, (where,), (digits,), "sentence")]


def _hide(piece: str, order: Order) -> tuple[str, tuple[int, int]]:
    planted = [Piece(piece, order.depth)]
    if not order.hay.generated or order.rng.random() < 0.5:
        # Other digits in the text would be as good an answer to a question that names nothing.
        text, spans = plant(planted, order, plain=True)
        return text, spans[0]
    filler = order.rng.choice(_FILLER).replace(". ", ". |").split("|")[:-1]
    hay: list[str] = []
    left = order.length - len(piece) - 1
    for sentence in cycle(filler):
        if left <= len(sentence) // 2:
            break
        hay.append(sentence)
        left -= len(sentence)
    text, spans = lay(hay, planted)
    return text, spans[0]


passkey = task("passkey", _key, context="alone")
number_string = task("number_string", _digits, context="alone")
