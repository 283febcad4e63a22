"""Markdown: blocks that bring their headings along."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from cprs.checkpoint import cancellable
from cprs.formats.clauses import clauses
from cprs.formats.lines import filled_lines, lines
from cprs.formats.markdown_blocks import (
    CODE,
    HEADING,
    ITEM,
    KINDS,
    PARAGRAPH,
    QUOTE,
    ROW,
    Blocks,
    blocks,
    is_delimiter_row,
)
from cprs.formats.passages import group, merge, passages
from cprs.formats.sections import SECTION_LIMIT
from cprs.formats.sentences import sentences
from cprs.formats.text import WORDLY, word_layout
from cprs.units import IntArray, Layout, Role, Units

CODE_LIMIT = 2_000
"""Code points of the longest fenced block that is one unit; longer ones are cut between lines."""

_CODE_PASSAGE = 400
_SPOKEN = (PARAGRAPH, ITEM, QUOTE)
_FENCE = re.compile(r"[ \t>]*(?:[-*+] +)?(?:`{3,}|~{3,})[^`\n]*$", re.MULTILINE)
# Signs of markdown: what each adds, how often it must be there, how it looks.
_SIGNS = (
    (
        0.35,
        1,
        re.compile(r"(?:\A|\n[ \t]*\n)#{1,6} (?=[^\n]{0,60}\w)[^\n]{1,200}(?:\n[ \t]*\n|\Z)"),
    ),
    (0.2, 1, re.compile(r"^#{2,6} \w", re.MULTILINE)),
    (0.3, 2, re.compile(r"^ {0,3}(?:```|~~~)[^\n`]{0,80}$", re.MULTILINE)),
    (0.25, 1, re.compile(r"\[[^\]\n]{1,200}\]\([^)\s]{1,500}[^)\n]{0,200}\)")),
    (0.1, 2, re.compile(r"^[*+-] \S", re.MULTILINE)),
    (0.15, 1, re.compile(r"(?<!\*)\*\*\w[^*\n]{0,200}\*\*(?!\*)")),
    (0.2, 1, re.compile(r"\A---\n\w[^\n]*:[^\n]*\n(?:.*\n){0,100}?---\n")),
    (0.1, 1, re.compile(r"^(?:={3,80}|-{3,80})\n\n", re.MULTILINE)),
)


@dataclass(frozen=True, slots=True)
class MarkdownFormat:
    """Markdown. What is kept brings the headings above it; a row brings its table's header."""

    name: str = "markdown"
    extensions: tuple[str, ...] = (".md", ".markdown", ".mdx", ".mkd", ".qmd", ".rmd")
    granularities: tuple[str, ...] = (
        "sentence",
        "paragraph",
        "section",
        "line",
        "keyphrase",
        "word",
    )

    def detect(self, sample: str) -> float:
        """Several different signs of markdown together; one alone is not enough."""
        sample = sample.replace("\r\n", "\n")
        sure = sum(adds for adds, often, sign in _SIGNS if _found(sign, sample, often))
        table = sample.splitlines()[:400]
        tabled = any("|" in a and is_delimiter_row(b) for a, b in pairwise(table))
        return min(0.9, 0.05 + sure + 0.5 * tabled)

    def layout(self, text: str, granularity: str) -> Layout:
        """Headings are units of their own and the parents of what stands under them.

        "sentence" cuts paragraphs and items, "paragraph" keeps blocks whole, "section" joins
        what stands directly under one heading, "line" cuts everything but headings.
        """
        if granularity in WORDLY:
            return word_layout(text, granularity, format=self.name)
        found = blocks(text)
        if not len(found):
            units = Units.uniform(merge(np.array([0, len(text)])), "paragraph")
            pieces = passages(text, units.bounds, units.bounds)
            return Layout(self.name, granularity, units, pieces, finer=clauses)
        spoken, every = sentences(text), lines(text)
        if granularity == "section":
            units = _sections(text, found)
        elif granularity == "line":
            units = _units(text, found, filled_lines(text), every, by_line=True)
        else:
            inner = spoken if granularity == "sentence" else None
            units = _units(text, found, inner, every, by_line=False)
        pieces = passages(text, _pieces(text, found, spoken, every), units.bounds)
        return Layout(self.name, granularity, units, pieces, finer=clauses)


def _found(sign: re.Pattern[str], sample: str, often: int) -> bool:
    return sum(1 for _ in islice(sign.finditer(sample), often)) == often


def _ends(text: str, found: Blocks) -> list[int]:
    return [*found.starts[1:], len(text)]


def _within(bounds: IntArray, found: Blocks, kinds: tuple[int, ...]) -> IntArray:
    """Those bounds that lie in blocks of some kinds."""
    block = np.searchsorted(np.array(found.starts), bounds, side="right") - 1
    return bounds[np.isin(np.array(found.kinds)[block], kinds)]


def _pieces(text: str, found: Blocks, spoken: IntArray, every: IntArray) -> IntArray:
    """Sentences of prose, runs of some lines of code, other blocks whole."""
    edges = np.array([0, len(text)])
    code = group(merge(edges, _within(every[:-1], found, (CODE,))), _CODE_PASSAGE)
    return merge(np.array([*found.starts, len(text)]), code, _within(spoken[:-1], found, _SPOKEN))


def _units(
    text: str, found: Blocks, inner: IntArray | None, every: IntArray, *, by_line: bool
) -> Units:
    """Blocks as units, cut at the bounds `inner` where they hold prose."""
    starts = np.array(found.starts)
    cuts = [np.array([*found.starts, len(text)])]
    if inner is not None:
        cuts.append(_within(inner[:-1], found, _SPOKEN))
    fences: list[tuple[int, int, int]] = []  # of code that is cut: block, end of fence, its close
    ranges = zip(found.starts, _ends(text, found), strict=True)
    for i, (start, end) in enumerate(cancellable(ranges)):
        if found.kinds[i] == CODE and (by_line or end - start > CODE_LIMIT):
            inside = every[np.searchsorted(every, start, "right") : np.searchsorted(every, end)]
            if len(inside):
                opened, closed = int(inside[0]), _closing(text, inside, end)
                fences.append((i, opened, closed))
                body = inside[inside <= closed]
                cuts.append(body if by_line else group(body, CODE_LIMIT // 2))
    bounds = merge(*cuts)
    block = np.searchsorted(starts, bounds[:-1], side="right") - 1
    first = np.searchsorted(bounds, starts)
    above = np.array(found.parents)[block]
    parent = np.where(above >= 0, first[above], -1).astype(np.int32)
    role = np.zeros(len(block), np.uint8)
    for i, opened, closed in fences:
        head, a = int(first[i]), int(np.searchsorted(bounds, opened))
        b = int(np.searchsorted(bounds, starts[i + 1])) if i + 1 < len(starts) else len(block)
        role[head] = Role.FRAME
        parent[a:b] = head
        role[int(np.searchsorted(bounds, closed)) : b] = Role.CLOSE
    return Units(bounds, KINDS, np.array(found.kinds, np.uint8)[block], parent, role)


def _closing(text: str, inside: IntArray, end: int) -> int:
    """Where the line begins that closes a fenced block; its end where none does."""
    for at in inside[:0:-1].tolist():
        line = text[at : at + 200].split("\n", 1)[0]
        if line.strip():
            return at if _FENCE.match(line) else end
    return end


def _sections(text: str, found: Blocks) -> Units:
    """Headings, and what stands directly under each up to `SECTION_LIMIT`."""
    starts: list[int] = []
    kinds: list[int] = []
    parents: list[int] = []
    unit_of: list[int] = []  # of each block
    ranges = zip(found.starts, _ends(text, found), strict=True)
    for i, (start, end) in enumerate(cancellable(ranges)):
        kind, above = found.kinds[i], found.parents[i]
        fresh = not kinds or kinds[-1] != 0 or end - starts[-1] > SECTION_LIMIT
        # A table's rows stay with its header, even where it is long.
        if kind == HEADING or (fresh and not (kind == ROW and kinds and kinds[-1] == 0)):
            while above >= 0 and found.kinds[above] != HEADING:
                above = found.parents[above]
            starts.append(start)
            kinds.append(int(kind == HEADING))
            parents.append(unit_of[above] if above >= 0 else -1)
        unit_of.append(len(starts) - 1)
    n = len(starts)
    return Units(
        np.array([*starts, len(text)], np.int64),
        ("section", "heading"),
        np.array(kinds, np.uint8),
        np.array(parents, np.int32),
        np.zeros(n, np.uint8),
    )
