"""Texts put together from marked pieces, so that all things of all kinds in them are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Order
from cprs.train.tasks.marked import Mark, Marked
from cprs.train.tasks.plant import Draft, Span
from cprs.train.tasks.wishes import WISHES, Wish

Block = tuple[list[Marked], str]
"""Pieces, and what stands between two of them."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A text, its marks, where each of its pieces lies, and the kinds that may be asked of it:
    all things of them are marked."""

    text: str
    marks: tuple[Mark, ...]
    pieces: tuple[Span, ...]
    wishes: Mapping[str, Wish] = field(default_factory=lambda: WISHES)

    def of(self, kind: str) -> list[Span]:
        """All things of a kind."""
        return [(mark.start, mark.end) for mark in self.marks if mark.kind == kind]

    def around(self, kind: str) -> list[Span]:
        """The pieces that have something of a kind in them."""
        found = self.of(kind)
        return [(a, b) for a, b in self.pieces if any(a <= c and d <= b for c, d in found)]

    def question(self, instruction: str, spans: Sequence[Span], level: str) -> Question:
        """An instruction and what it asks for."""
        said = dict.fromkeys(self.text[a:b] for a, b in spans) if level == "span" else ()
        return Question(instruction, tuple(spans), tuple(said), level, instruction)


def compose(order: Order, block: Callable[[], Block]) -> Composed:
    """Blocks until the text is long enough; what is then left is filled with plain prose."""
    rng = order.rng
    blocks: list[Block] = []
    room = order.length
    for _ in range(10_000):
        pieces, glue = block()
        while pieces and _size(pieces, glue) > room:
            pieces.pop()
        if not pieces:
            break
        blocks.append((pieces, glue))
        room -= _size(pieces, glue)
    if room > 30:
        hay = Marked("".join(order.hay.take(room - 2, rng, plain=True)).strip())
        inner = 1 if order.depth == 0 else len(blocks) - 1 if order.depth == 1 else None
        at = rng.randrange(len(blocks) + 1) if inner is None else max(inner, 0)
        blocks.insert(at, ([hay], ""))
    return _draw(blocks)


def prose(order: Order) -> Iterator[str]:
    """Sentences of the haystack without end, free of digits and signs."""
    while True:
        for sentence in order.hay.take(4_000, order.rng, plain=True):
            if said := " ".join(sentence.split()):
                yield said


def _size(pieces: Sequence[Marked], glue: str) -> int:
    return sum(len(piece.text) + len(glue) for piece in pieces) + 2


def _draw(blocks: Sequence[Block]) -> Composed:
    draft = Draft()
    marks: list[Mark] = []
    spans: list[Span] = []
    for number, (pieces, glue) in enumerate(blocks):
        if number:
            draft.add("\n\n")
        for place, piece in enumerate(pieces):
            if place:
                draft.add(glue)
            start, end = draft.add(piece.text)
            marks += [mark.moved(start) for mark in piece.marks]
            lead = len(piece.text) - len(piece.text.lstrip())
            spans.append((start + lead, end))
    text = draft.text()
    return Composed(text, tuple(_tight(text, mark) for mark in marks), tuple(spans))


def _tight(text: str, mark: Mark) -> Mark:
    said = text[mark.start : mark.end]
    start = mark.start + len(said) - len(said.lstrip())
    return Mark(mark.kind, start, start + len(said.strip()))


def ended(
    order: Order, block: Callable[[], Block], thing: Callable[[], Marked]
) -> Callable[[], Block]:
    """`block`, except that a text whose evidence is to be at its start begins with a `thing`; one
    whose evidence is to be at its end has one at the end of each block."""
    first = order.depth == 0

    def made() -> Block:
        nonlocal first
        pieces, glue = block()
        if first:
            first = False
            return [thing(), *pieces], glue
        if order.depth == 1:
            # The last block may be cut short anywhere.
            pieces = [each for piece in pieces for each in (piece, thing())]
        return pieces, glue

    return made
