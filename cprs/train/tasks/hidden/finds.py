"""What is hidden in prose, family by family: pieces to plant, and the question about them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cprs.train.tasks.hidden.base import Order
from cprs.train.tasks.needles import ASK, ASK_ALL, SAY
from cprs.train.tasks.plant import Piece
from cprs.train.tasks.values import listed, number, sibling, triple, value
from cprs.train.tasks.variables import ASK_ALL as ASK_CHAIN
from cprs.train.tasks.variables import SYNTAX, variable

_MOST = 4
_DIGITS = 30


@dataclass(frozen=True, slots=True)
class Find:
    """`pieces` to plant, of which the first `evidence` answer `ask`; the others look like it."""

    task: str
    depth: float
    ask: str
    pieces: tuple[Piece, ...]
    evidence: int
    answers: tuple[str, ...]
    level: str = "sentence"

    @property
    def length(self) -> int:
        """Code points planted."""
        return sum(len(piece.text) + 1 for piece in self.pieces)


class Names:
    """Draws names, and numbers in place of names, that nothing else in the text has."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __call__(self, make: Callable[[random.Random], str], rng: random.Random) -> str:
        while (name := make(rng)) in self._taken:
            pass
        self._taken.add(name)
        return name


Named = Callable[[Order, random.Random, float, Names], Find]
Unnamed = Callable[[Order, random.Random, float], Find]


def _needles(
    order: Order,
    rng: random.Random,
    depth: float,
    names: Names,
    *,
    task: str,
    kind: str,
    asked: int = 1,
    values: int = 1,
    others: int = 0,
) -> Find:
    """`asked` keys of `values` values each, `others` more that share words with the first key.

    The first piece lies at `depth`; what else is asked for, evenly around the text from there.
    """
    say = rng.choice(SAY)
    first = names(triple, rng)
    like = say.format(kind=kind, key=first, value=value(kind, rng))
    fit = order.room(like, most=_MOST)
    asked, values = min(asked, fit), min(values, fit)
    keys = [first, *(names(triple, rng) for _ in range(asked - 1))]
    told = [(key, value(kind, rng)) for key in keys for _ in range(values)]
    look_alikes = [(names(partial(sibling, first), rng), value(kind, rng)) for _ in range(others)]
    pieces = [
        Piece(
            say.format(kind=kind, key=key, value=content),
            _around(depth, place / len(told)) if place < len(told) else rng.random(),
        )
        for place, (key, content) in enumerate([*told, *look_alikes])
    ]
    ask = rng.choice(ASK if len(told) == 1 else ASK_ALL)
    return Find(
        task=task,
        depth=depth,
        ask=ask.format(kind=kind, key=listed(keys)),
        pieces=tuple(pieces),
        evidence=len(told),
        answers=tuple(content for _, content in told),
    )


def _around(depth: float, further: float) -> float:
    place = depth + further
    return place if place <= 1 else place - 1


def _chain(order: Order, rng: random.Random, depth: float, names: Names) -> Find:
    """A number, and variables that pass it on: the first at `depth`, the last at most a third
    of the text behind it, in order."""
    write, read = rng.choice(SYNTAX)
    digits = names(number, rng)
    like = write.format(name=variable(rng), value=read.format(name=variable(rng)))
    links = order.room(like, most=_MOST + 1)
    own = [names(variable, rng) for _ in range(links)]
    sources = [digits, *(read.format(name=name) for name in own[:-1])]
    reach = min(1 - depth, 1 / 3)
    pieces = [
        Piece(write.format(name=name, value=source), depth + reach * place / links, "line")
        for place, (name, source) in enumerate(zip(own, sources, strict=True))
    ]
    ask = rng.choice(ASK_CHAIN).format(value=digits)
    return Find("variables", depth, ask, tuple(pieces), links, tuple(own), "line")


def _passkey(order: Order, rng: random.Random, depth: float) -> Find:
    digits = str(rng.randrange(10_000, 100_000))
    said = (f"The pass key is {digits}.", f"{digits} is the pass key.", "Keep it in mind.")
    return _unnamed("passkey", "What is the pass key?", digits, said, depth)


def _number_string(order: Order, rng: random.Random, depth: float) -> Find:
    digits = "".join(d * rng.randrange(1, 4) for d in rng.choices("0123456789", k=_DIGITS))
    digits = digits[:_DIGITS]
    said = (f"The number string is {digits}.", "Nothing else in this text is as long a number.")
    ask = "What is the number string in the text?"
    return _unnamed("number_string", ask, digits, said, depth)


def _unnamed(task: str, ask: str, digits: str, said: tuple[str, ...], depth: float) -> Find:
    """Sentences one after another; those with the digits answer."""
    pieces = tuple(Piece(sentence, depth) for sentence in said)
    return Find(task, depth, ask, pieces, sum(digits in s for s in said), (digits,))


NAMED: dict[str, Named] = {
    "needle_word": partial(_needles, task="needle_word", kind="word"),
    "needle_number": partial(_needles, task="needle_number", kind="number"),
    "needle_uuid": partial(_needles, task="needle_uuid", kind="identifier"),
    "multikey": partial(_needles, task="multikey", kind="number", others=4),
    "multivalue": partial(_needles, task="multivalue", kind="number", values=_MOST, others=1),
    "multiquery": partial(_needles, task="multiquery", kind="number", asked=_MOST),
    "variables": _chain,
}
"""Each has a key of its own: any number of them may lie in one text."""

UNNAMED: dict[str, Unnamed] = {"passkey": _passkey, "number_string": _number_string}
"""A text may hold one of each."""
