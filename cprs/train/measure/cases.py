"""Texts written by hand, with what a reader would mark in them under several instructions.

A case is a text file in `cases/`. Its head has a line `? kind | granularity | instruction` for each
question. Below, each line is a unit (a sentence, a log line); a line that begins with white space
goes on with the unit before it. `[kind, ...]` before a unit says what it is as a whole, and
`{kind|words}` what the words in it are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import regex

from cprs.errors import TextError
from cprs.train.tasks.marked import Marked

FOLDER = Path(__file__).parent / "cases"

Span = tuple[int, int]

_ASK = regex.compile(r"\? (\w+) \| ?(\w*) ?\| (.+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """An instruction and the kind of what it asks for; "" is the text's own granularity."""

    kind: str
    granularity: str
    instruction: str


@dataclass(frozen=True, slots=True)
class Case:
    """A text, its `units` in order, its marks (kind, start, end), and what is asked of it.

    `joined`: units that stand on lines in the file are sentences of a paragraph in the text.
    """

    name: str
    filename: str
    text: str
    units: tuple[Span, ...]
    marks: tuple[tuple[str, int, int], ...]
    asked: tuple[Asked, ...]

    def marked(self, kind: str) -> list[Span]:
        """All that is of a kind: words, or whole units."""
        return [(start, end) for what, start, end in self.marks if what == kind]

    def wanted(self, kind: str) -> list[bool]:
        """Of each unit, whether it is of a kind or has something of that kind in it."""
        marked = self.marked(kind)
        return [any(a < d and c < b for c, d in marked) for a, b in self.units]


def read_cases(folder: Path = FOLDER) -> list[Case]:
    """The cases of a folder, by name. Raises `TextError` for a file that is none."""
    return [read_case(path) for path in sorted(folder.glob("*.txt"))]


def read_case(path: Path) -> Case:
    """One case. `NAME.log.txt` is a log, `NAME.py.txt` a program; else lines are sentences."""
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    asked = [_ASK.fullmatch(line) for line in head.split("\n")]
    if not body.strip() or not asked or None in asked:
        raise TextError(f"{path}: not a case: lines `? kind | granularity | instruction`, a text")
    inner = path.name.removesuffix(".txt")
    prose = "." not in inner
    text, units, marks = "", list[Span](), list[tuple[str, int, int]]()
    for paragraph in body.rstrip().split("\n\n"):
        text += "\n\n" if text else ""
        for number, line in enumerate(_lines(paragraph)):
            text += (" " if prose else "\n") if number else ""
            start = len(text)
            unit = Marked.parse(line)
            text += unit.text
            marks += [(m.kind, start + m.start, start + m.end) for m in unit.marks]
            units.append((start, len(text)))
    return Case(
        name=inner.split(".")[0],
        filename=inner if "." in inner else f"{inner}.txt",
        text=text + "\n",
        units=tuple(units),
        marks=tuple(marks),
        asked=tuple(Asked(m[1], m[2], m[3]) for m in asked if m),
    )


def _lines(paragraph: str) -> list[str]:
    """Units of a paragraph; lines that begin with white space belong to the one before."""
    units: list[str] = []
    for line in paragraph.split("\n"):
        if units and line[:1].isspace():
            units[-1] += "\n" + line
        else:
            units.append(line)
    return units
