"""Templates filled with things, and which part of the text is a thing of which kind."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import regex

_SLOT = regex.compile(r"\{(\w+)\}")
_WHOLE = regex.compile(r"\[([a-z, ]+)\] ")
_WORDS = regex.compile(r"\{([a-z]+)\|([^{}|]+)\}")

Maker = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class Mark:
    """Code points [start, end) are one thing of `kind`."""

    kind: str
    start: int
    end: int

    def moved(self, by: int) -> Mark:
        """The same, `by` code points further on."""
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True, slots=True)
class Marked:
    """A piece of text (a sentence, a line, a function) and all marks in it."""

    text: str
    marks: tuple[Mark, ...] = ()

    @classmethod
    def parse(cls, line: str) -> Marked:
        """A line in which `[kind, ...]` in front says what the whole of it is, and `{kind|words}`
        what the words are.

        >>> Marked.parse("{person|Ann} left.")
        Marked(text='Ann left.', marks=(Mark(kind='person', start=0, end=3),))
        """
        whole = _WHOLE.match(line)
        done = whole.end() if whole else 0
        text, marks = "", list[Mark]()
        for words in _WORDS.finditer(line):
            text += line[done : words.start()]
            marks.append(Mark(words[1], len(text), len(text) + len(words[2])))
            text += words[2]
            done = words.end()
        kinds = whole[1].replace(" ", "").split(",") if whole else []
        return cls(text + line[done:], tuple(marks)).whole(*kinds)

    def whole(self, *kinds: str) -> Marked:
        """The same piece, itself a thing of these `kinds`."""
        own = tuple(Mark(kind, 0, len(self.text)) for kind in kinds)
        return replace(self, marks=(*self.marks, *own))

    def after(self, head: str) -> Marked:
        """The same piece behind `head`, which is nothing in itself."""
        return Marked(head + self.text, tuple(mark.moved(len(head)) for mark in self.marks))


def fill(
    template: str,
    rng: random.Random,
    things: Mapping[str, tuple[str, Maker]],
    words: Mapping[str, tuple[str, ...]],
) -> Marked:
    """`template` with each `{slot}` drawn anew: from `things`, slot to (kind, maker), and then
    marked, or from `words`, and then not.

    >>> import random
    >>> fill("Ask {who}.", random.Random(0), {"who": ("person", lambda rng: "Ann")}, {})
    Marked(text='Ask Ann.', marks=(Mark(kind='person', start=4, end=7),))
    """
    parts: list[str] = []
    marks: list[Mark] = []
    at = done = 0
    for slot in _SLOT.finditer(template):
        parts.append(template[done : slot.start()])
        at += len(parts[-1])
        done = slot.end()
        name = slot[1]
        if name in things:
            kind, make = things[name]
            drawn = make(rng)
            marks.append(Mark(kind, at, at + len(drawn)))
        else:
            drawn = rng.choice(words[name])
        parts.append(drawn)
        at += len(drawn)
    parts.append(template[done:])
    return Marked("".join(parts), tuple(marks))
