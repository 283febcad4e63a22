"""The laws every layout keeps, for every format and granularity over one matrix of samples."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import CASES

from cprs.errors import TextError
from cprs.formats import known_granularities, segment
from cprs.units import PASSAGE_LIMIT, Layout, Role, Units

MATRIX = [
    pytest.param(name, granularity, sample, id=f"{name}-{granularity}-{i}")
    for i, (name, sample) in enumerate(CASES)
    for granularity in known_granularities(name)
]
NAMES = sorted({name for name, _ in CASES})
LEVELS = [(name, granularity) for name in NAMES for granularity in known_granularities(name)]

# Bits that meet every rule: scripts, clusters, line ends, stops, marks of every format, oddities.
WORDS = ["a", "Word", "the ", "Mr. ", "e.g. ", "3.14", ", ", ". ", "! ", "…", "。", "「", "」"]
WIDE = ["汉", "字", "カ", "각", "ᄀ", "ᅡ", "क्षि", "👩\u200d👩\u200d👧", "🇩🇪", "🇩"]
ODD = ["e\u0301", "\u0301", "\u200d", "\ufe0f", "\u0600", "\ud800", "\x00", "\ufeff", "x" * 1200]
SPACE = [" ", "    ", "\t", "\n", "\n\n", "\r\n", "\r", "\u2028", "\x0b"]
MARKS = [
    "# ",
    "## H\n",
    "- ",
    "1. ",
    "> ",
    "```\n",
    "~~~\n",
    "---\n",
    "===\n",
    "|---|---|\n",
    "|a|\n",
]
TURNS = ["User: ", "[10:02] Ann: ", "\tat x.y\n", "2024-01-01 10:00:00 INFO ", "def f():\n", "<p>"]
SIGNS = ["</p>", "{", "}", "[", "]", '"', ":", ",", "\\", "null", "1"]
BITS = st.one_of(*map(st.sampled_from, (WORDS, WIDE, ODD, SPACE, MARKS, TURNS, SIGNS)))
TEXTS = st.lists(BITS | st.text(max_size=4), max_size=40).map("".join)


def borders(text: str) -> set[int]:
    """Every place between two grapheme clusters, by the regex package."""
    return {0} | {m.end() for m in regex.finditer(r"\X", text)}


def check(text: str, layout: Layout) -> None:
    """Assert every law on one layout."""
    units = layout.units
    tiles(text, units.bounds)
    tiles(text, layout.passages)
    n = len(units)
    assert len(units.kind) == len(units.parent) == len(units.role) == n
    assert all(0 <= k < len(units.kinds) for k in units.kind.tolist())
    assert set(units.role.tolist()) <= {int(role) for role in Role}
    parents = units.parent.tolist()
    assert all(-1 <= parent < i for i, parent in enumerate(parents))
    closes = [i for i in range(n) if units.role[i] == Role.CLOSE]
    assert all(parents[i] >= 0 for i in closes), "CLOSE comes along with a parent"
    assert all(0 <= i < n for i in layout.required)
    lengths = np.diff(layout.passages)
    assert (lengths <= PASSAGE_LIMIT).all()
    nests(units, layout.passages.tolist())
    legal = borders(text)
    assert set(units.bounds.tolist()) <= legal | unavoidable(text)
    assert set(layout.passages.tolist()) <= legal | unavoidable(text)


def tiles(text: str, bounds: np.ndarray) -> None:
    assert bounds.dtype == np.int64
    assert bounds[0] == 0
    assert bounds[-1] == len(text)
    assert (np.diff(bounds) > 0).all()
    assert len(bounds) >= 1


def nests(units: Units, passages: list[int]) -> None:
    """Each passage is inside one unit or is made of whole units."""
    bounds = units.bounds.tolist()
    known = set(bounds)
    for a, b in pairwise(passages):
        i = int(np.searchsorted(units.bounds, a, side="right")) - 1
        inside = bounds[i] <= a and b <= bounds[i + 1]
        assert inside or (a in known and b in known)


def unavoidable(text: str) -> set[int]:
    """Places inside clusters that are longer than a passage may be."""
    return {
        i
        for m in regex.finditer(r"\X", text)
        if m.end() - m.start() > PASSAGE_LIMIT
        for i in range(m.start(), m.end())
    }


def cut(name: str, granularity: str, text: str) -> Layout | None:
    """The layout, or None where a strict format says that the text is not of its kind."""
    try:
        return segment(text, format=name, granularity=granularity)
    except TextError:
        return None


@pytest.mark.parametrize(("name", "granularity", "sample"), MATRIX)
def test_samples_keep_the_laws(name: str, granularity: str, sample: str) -> None:
    for text in (sample, sample.replace("\n", "\r\n"), sample * 2, sample[: len(sample) // 2]):
        layout = cut(name, granularity, text)
        if layout is None:
            assert text != sample
            continue
        assert layout.format == name
        assert layout.granularity == granularity
        check(text, layout)


@pytest.mark.parametrize(("name", "granularity"), LEVELS)
def test_any_text_keeps_the_laws(name: str, granularity: str) -> None:
    @settings(deadline=None, max_examples=40)
    @given(TEXTS)
    def law(text: str) -> None:
        layout = cut(name, granularity, text)
        if layout is not None:
            check(text, layout)

    law()


@pytest.mark.parametrize(("name", "granularity"), LEVELS)
def test_empty_text_has_no_units(name: str, granularity: str) -> None:
    layout = cut(name, granularity, "")
    if layout is not None:
        assert layout.units.bounds.tolist() == [0]
        assert layout.passages.tolist() == [0]


HOSTILE = {
    "one letter": "a" * 400_000,
    "combining marks": "\u0301" * 200_000,
    "flags": "🇩" * 120_000,
    "families": "👩\u200d" * 80_000,
    "stops": "." * 200_000,
    "line ends": "\n" * 200_000,
    "short lines": "a\n" * 80_000,
    "opening": "[(<{|`*#- " * 20_000,
    "fences": "```\n" * 40_000,
    "quotes": '."' * 120_000,
    "bullets": "".join(" " * (i % 50) + "- a\n" for i in range(20_000)),
    "speakers": "A: " * 80_000,
    "spaces": " " * 200_000,
    "digits": "1." * 120_000,
    "colons": "a:" * 120_000,
}


# Languages differ in their grammars alone, and those are slow on what is no code at all.
PARSED = ("javascript", "typescript", "tsx", "java", "go", "c", "cpp", "rust")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PARSED])
@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_texts_end(what: str, name: str) -> None:
    """Hundreds of kilobytes of the worst: anything quadratic in it would take minutes."""
    text = HOSTILE[what]
    layout = cut(name, known_granularities(name)[0], text)
    if layout is not None:
        tiles(text, layout.units.bounds)
        tiles(text, layout.passages)
        assert (np.diff(layout.passages) <= PASSAGE_LIMIT).all()
