"""HTML: readable blocks that bring their headings along."""

from __future__ import annotations

import re

import numpy as np

from cprs.checkpoint import cancellable
from cprs.errors import unknown
from cprs.formats.builder import UnitsBuilder
from cprs.formats.chars import on_clusters
from cprs.formats.html_blocks import Block, html_blocks, too_deep
from cprs.formats.lines import lines
from cprs.formats.markup import outside_tags, readable_sentences
from cprs.formats.passages import cut_long, merge
from cprs.formats.sections import SECTION_LIMIT
from cprs.formats.syntax import SyntaxTree, Unparsable, load_language
from cprs.units import PASSAGE_LIMIT, IntArray, Layout, Role, Units

_PAGE = re.compile(
    r"\s*(?:<!--.*?-->\s*)*(?:<\?xml[^>]*>\s*)?(?:<!doctype html|<html[\s>])", re.I | re.S
)
_TAG = re.compile(
    r"</?(?:p|div|li|ul|ol|td|tr|table|h[1-6]|span|a|section|article|br)\b[^<>]*>", re.I
)
_GAP_LIMIT = 300
"""Code points of markup between two blocks of one section at most."""


class HtmlFormat:
    """A web page, or a part of one.

    Readable blocks are verbatim slices with their own tags. Headings are the parents of what
    stands under them, a table's header row of its rows. Markup between, scripts, styles, the
    page's head and its menus are FRAMEs that nothing depends on, so they are never kept. What
    nests too deep to be a page, or is no HTML at all, is cut into lines.
    """

    name = "html"
    extensions = (".html", ".htm", ".xhtml")
    granularities = ("block", "section")

    def detect(self, sample: str) -> float:
        """High where the text begins as a page does, or is full of HTML's most usual tags."""
        if _PAGE.match(sample.removeprefix("\ufeff")[:4_000]):
            return 0.95
        if not sample.lstrip("\ufeff \t\r\n").startswith("<"):
            return 0.0
        rows = [row for row in sample.splitlines() if row.strip()][:400]
        tagged = sum(_TAG.search(row) is not None for row in rows)
        return 0.8 * tagged / len(rows) if tagged > 2 or len(rows) == tagged else 0.0

    def layout(self, text: str, granularity: str) -> Layout:
        """A unit per block, or headings and what stands directly under each."""
        if granularity not in self.granularities:
            raise unknown("granularity", granularity, self.granularities)
        blocks = _blocks(text)
        if blocks is not None and granularity == "section":
            blocks = _sections(blocks)
        units = Units.uniform(lines(text), "block") if blocks is None else _units(text, blocks)
        return Layout(
            format=self.name,
            granularity=granularity,
            units=units,
            passages=_passages(text, units.bounds),
            finer=readable_sentences,
        )


def _blocks(text: str) -> list[Block] | None:
    """The blocks of a page with their places in code points; None where it cannot be parsed."""
    if too_deep(text):
        return None
    try:
        tree = SyntaxTree(text, load_language("tree_sitter_html"))
    except Unparsable:
        return None
    blocks = html_blocks(tree)
    for block in cancellable(blocks):
        block.start, block.end = tree.place(block.start), tree.place(block.end)
    return blocks


def _units(text: str, blocks: list[Block]) -> Units:
    edges = np.array([0, len(text), *(p for b in blocks for p in (b.start, b.end))], np.int64)
    legal = set(on_clusters(text, np.unique(edges)).tolist())
    builder = UnitsBuilder()
    unit_of: list[int] = []
    trail: list[tuple[int, int]] = []  # (level, unit) of the headings above
    waiting = False
    for block in cancellable(blocks):
        start, end = max(block.start, builder.end), block.end
        gap = text[builder.end : start]
        if start in legal and gap.strip():
            role = Role.CONTENT if waiting else Role.FRAME
            builder.add(start, "block" if waiting else "markup", role=role)
        elif start in legal and gap and len(builder):
            builder.extend(start)
        if end not in legal or end <= builder.end:
            # A grapheme cluster reaches beyond the block: what follows takes it in.
            unit_of.append(len(builder))
            waiting = True
            continue
        waiting = False
        if block.level:
            while trail and trail[-1][0] >= block.level:
                trail.pop()
        above = unit_of[block.header] if block.header >= 0 else -1
        if above < 0 and trail:
            above = trail[-1][1]
        unit = builder.add(end, block.kind, parent=min(above, len(builder) - 1))
        unit_of.append(unit)
        if block.level:
            trail.append((block.level, unit))
    if builder.end < len(text):
        if len(builder) and not text[builder.end :].strip():
            builder.extend(len(text))
        elif waiting:
            builder.add(len(text), "block")
        else:
            builder.add(len(text), "markup", role=Role.FRAME)
    return builder.build()


def _sections(blocks: list[Block]) -> list[Block]:
    """Headings as they are, and the blocks under one heading joined up to `SECTION_LIMIT`."""
    joined: list[Block] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if block.kind == "heading":
            joined.append(block)
        elif (
            last is not None
            and last.kind == "section"
            and block.start - last.end <= _GAP_LIMIT
            and block.end - last.start <= SECTION_LIMIT
        ):
            last.end = block.end
        else:
            joined.append(Block(block.start, block.end, "section"))
    return joined


def _passages(text: str, bounds: IntArray) -> IntArray:
    """Units; long ones are cut between sentences, not inside of tags where there is a choice."""
    cuts = [bounds]
    for i in cancellable(np.flatnonzero(np.diff(bounds) > PASSAGE_LIMIT).tolist()):
        start, end = int(bounds[i]), int(bounds[i + 1])
        cuts.append(outside_tags(text[start:end])[1:-1] + start)
    return cut_long(text, merge(*cuts))
