"""Pieces planted in a haystack, and where each of them then lies."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from cprs.train.tasks.base import Order

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A text to plant at `depth` in [0, 1]: in the flow, on a line or in a paragraph of its own."""

    text: str
    depth: float
    style: Literal["inline", "line", "paragraph"] = "inline"


class Draft:
    """A text under construction; `add` says where what was added lies, [start, end)."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.length = 0

    def add(self, text: str) -> Span:
        start = self.length
        self._parts.append(text)
        self.length += len(text)
        return start, self.length

    def end_with(self, border: str) -> None:
        """Make the text so far end with `border` (white space), if there is any text."""
        while self._parts:
            last = self._parts.pop()
            self.length -= len(last)
            if kept := last.rstrip():
                self.add(kept)
                self.add(border)
                return

    def text(self) -> str:
        """All of it, without white space at the end."""
        return "".join(self._parts).rstrip()


def plant(pieces: Sequence[Piece], order: Order, *, plain: bool = False) -> tuple[str, list[Span]]:
    """A text of `order.length` code points around `pieces`, and the span of each piece.

    Depth 0 is the very start, depth 1 the very end, all else the end of a sentence. Pieces of
    equal depth keep their order. `plain` as in `Haystack.take`.
    """
    room = order.length - sum(len(piece.text) + 2 for piece in pieces)
    hay = order.hay.take(max(room, 0), order.rng, plain=plain)
    return lay(hay, pieces)


def lay(hay: Sequence[str], pieces: Sequence[Piece]) -> tuple[str, list[Span]]:
    """As `plant`, around the sentences given."""
    ends = list(accumulate((len(sentence) for sentence in hay), initial=0))
    spans: list[Span] = [(0, 0)] * len(pieces)
    draft = Draft()
    done = 0
    for number in sorted(range(len(pieces)), key=lambda i: pieces[i].depth):
        piece = pieces[number]
        before = bisect_left(ends, piece.depth * ends[-1])
        for sentence in hay[done:before]:
            draft.add(sentence)
        done = max(done, before)
        if piece.style != "inline":
            draft.end_with("\n" if piece.style == "line" else "\n\n")
        spans[number] = draft.add(piece.text)
        draft.add({"inline": " ", "line": "\n", "paragraph": "\n\n"}[piece.style])
    for sentence in hay[done:]:
        draft.add(sentence)
    return draft.text(), spans
