"""Sections of plain text: what stands under a heading, or some paragraphs together."""

from __future__ import annotations

import re

import numpy as np

from cprs.checkpoint import cancellable
from cprs.formats.lines import paragraphs, rows
from cprs.units import IntArray

SECTION_LIMIT = 4_000
"""Code points in a section at most, unless one paragraph alone is longer."""

_HEADING = re.compile(
    r"(?:#{1,6}\s+\S"
    r"|(?:chapter|part|section|book|appendix|act|scene|article|kapitel|chapitre|capítulo|teil)"
    r"\s+(?:\d+|[ivxlcdm]+\b|[a-z]\b|one|two|three|four|five|six|seven|eight|nine|ten)"
    r"|第[\d一二三四五六七八九十百千〇零]+[章节節回部卷编篇話话]"
    r"|(?:\d{1,2}\.)+\d{0,2}\s+[^\W\d_]|\d{1,2}\s+[^\W\d_])",
    re.IGNORECASE,
)
_UNDERLINE = re.compile(r"\s*(?:={3,}|-{3,}|~{3,}|\*{3,})\s*\Z")
_LONGEST = 80
_GAP = 3


def sections(text: str) -> IntArray:
    r"""Bounds of the sections, each made of whole paragraphs.

    One begins at a heading ("Chapter 3", "2.1 Scope", a line in capitals, an underlined line)
    and behind three blank lines; a long one is cut between paragraphs at `SECTION_LIMIT`.

    >>> sections("1. Scope\n\nAll of it.\n\n2. Terms\n\nNone.").tolist()
    [0, 22, 37]
    """
    bounds = paragraphs(text)
    if len(bounds) < 3:
        return bounds
    table = rows(text)
    line = np.searchsorted(table.bounds, bounds[1:-1])
    kept = [0]
    begun = 0
    for i, place, end in cancellable(
        zip(line.tolist(), bounds[1:-1].tolist(), bounds[2:].tolist(), strict=True)
    ):
        gap = i >= _GAP and bool(table.blank[i - _GAP : i].all())
        new = gap or end - begun > SECTION_LIMIT
        if new or _heads(
            text, int(table.first[i]), int(table.last[i]), _below(text, table.bounds, i)
        ):
            kept.append(place)
            begun = place
    return np.array([*kept, len(text)], np.int64)


def _below(text: str, bounds: IntArray, i: int) -> str:
    return (
        text[bounds[i + 1] : min(bounds[i + 2], bounds[i + 1] + 99)] if i + 2 < len(bounds) else ""
    )


def _heads(text: str, first: int, last: int, below: str) -> bool:
    """Whether the line is a heading, given the line below it."""
    if last - first > _LONGEST:
        return False
    line = text[first:last]
    if line[-1] in ".,;!?。，；" and not line[:-1].isdigit():
        return False
    if _HEADING.match(line) or _UNDERLINE.match(below):
        return True
    return line.isupper() and sum(ch.isalpha() for ch in line) > 3
