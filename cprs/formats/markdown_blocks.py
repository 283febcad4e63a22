"""The blocks of a markdown text, and which block each depends on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cprs.checkpoint import EVERY, cancellable, checkpoint
from cprs.formats.lines import rows

KINDS = ("paragraph", "heading", "item", "header", "row", "code", "quote", "front matter", "rule")
PARAGRAPH, HEADING, ITEM, HEADER, ROW, CODE, QUOTE, FRONT, RULE = range(len(KINDS))

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]|\Z)")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*\Z")
_FENCE = re.compile(r"[ \t>]*(?:[-*+] +)?(`{3,}|~{3,})([^`]*)\Z")
_ITEM = re.compile(r"([ \t]*)(?:[-*+]|\d{1,9}[.)])(?:[ \t]|\Z)")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*\Z")
_FRONT_LINES = 400
_DELIMITERS = frozenset("|:- \t")


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks in order, as columns; each ends where the next begins, blank lines included.

    `parent`: for a heading the heading above it, for a row its table's header, for a nested item
    the item it stands under, else the heading the block stands under; -1 where there is none.
    """

    starts: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.starts)


def is_delimiter_row(line: str) -> bool:
    """Whether a line is what stands below a table's header: |---|:-:|"""
    return "--" in line and "|" in line and _DELIMITERS.issuperset(line)


def blocks(text: str) -> Blocks:
    """The blocks of `text`, reading each line once or twice."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        table = rows(text)
        self.text = text
        self.bounds = table.bounds.tolist()
        self.last = table.last.tolist()
        self.blank = table.blank.tolist()
        self.count = len(self.blank)
        self.found = Blocks()
        self.headings: list[tuple[int, int]] = []  # (level, block) of the headings that hold
        self.items: list[tuple[int, int]] = []  # (indent, block) of the items that hold

    def line(self, i: int) -> str:
        """Line i without white space at its end."""
        return self.text[self.bounds[i] : max(self.bounds[i], self.last[i])]

    def run(self) -> Blocks:
        i = self.front_matter()
        while i < self.count:
            if not len(self.found) % EVERY:
                checkpoint()
            i = i + 1 if self.blank[i] else self.block(i)
        if self.found.starts:
            # Blank lines before the first block belong to it.
            self.found.starts[0] = 0
        return self.found

    def add(self, kind: int, i: int, parent: int) -> int:
        self.found.starts.append(self.bounds[i])
        self.found.kinds.append(kind)
        self.found.parents.append(parent)
        return len(self.found) - 1

    def heading(self) -> int:
        return self.headings[-1][1] if self.headings else -1

    def front_matter(self) -> int:
        if self.count and self.line(0) == "---":
            for i in range(1, min(self.count, _FRONT_LINES)):
                if self.line(i) in ("---", "..."):
                    self.add(FRONT, 0, -1)
                    return i + 1
        return 0

    def block(self, i: int) -> int:
        """Read the block that begins at line i; return the line after it."""
        line = self.line(i)
        if fence := _FENCE.match(line):
            return self.code(i, fence[1])
        if atx := _ATX.match(line):
            return self.headed(i, len(atx[1]), 1)
        if _RULE.match(line):
            self.items.clear()
            self.add(RULE, i, self.heading())
            return i + 1
        if item := _ITEM.match(line):
            return self.item(i, len(item[1].expandtabs(4)))
        if i + 1 < self.count and "|" in line and is_delimiter_row(self.line(i + 1)):
            return self.table(i)
        return self.paragraph(i, line)

    def headed(self, i: int, level: int, height: int) -> int:
        while self.headings and self.headings[-1][0] >= level:
            self.headings.pop()
        self.items.clear()
        self.headings.append((level, self.add(HEADING, i, self.heading())))
        return i + height

    def code(self, i: int, mark: str) -> int:
        self.add(CODE, i, self.holder(i))
        for j in cancellable(range(i + 1, self.count)):
            line = self.line(j).lstrip(" \t>")
            if line.startswith(mark) and not line.strip(mark[0]):
                return j + 1
        return self.count

    def item(self, i: int, indent: int) -> int:
        while self.items and self.items[-1][0] >= indent:
            self.items.pop()
        parent = self.items[-1][1] if self.items else self.heading()
        self.items.append((indent, self.add(ITEM, i, parent)))
        return self.rest(i + 1)

    def table(self, i: int) -> int:
        header = self.add(HEADER, i, self.holder(i))
        i += 2
        while i < self.count and not self.blank[i] and "|" in self.line(i):
            self.add(ROW, i, header)
            i += 1
        return i

    def paragraph(self, i: int, line: str) -> int:
        below = self.line(i + 1) if i + 1 < self.count else ""
        if setext := _SETEXT.match(below):
            return self.headed(i, 1 if setext[1][0] == "=" else 2, 2)
        self.add(QUOTE if line.lstrip().startswith(">") else PARAGRAPH, i, self.holder(i))
        return self.rest(i + 1)

    def holder(self, i: int) -> int:
        """The item an indented block goes on with, else the heading it stands under."""
        line = self.line(i)
        indent = len(line) - len(line.lstrip(" \t"))
        while self.items and indent <= self.items[-1][0]:
            self.items.pop()
        return self.items[-1][1] if self.items else self.heading()

    def rest(self, i: int) -> int:
        """The line after those that go on with a paragraph or an item."""
        while i < self.count and not self.blank[i]:
            line = self.line(i)
            if _FENCE.match(line) or _ATX.match(line) or _ITEM.match(line) or _RULE.match(line):
                break
            if "|" in line and i + 1 < self.count and is_delimiter_row(self.line(i + 1)):
                break
            i += 1
        return i
