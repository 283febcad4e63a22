"""Markdown: heading trails, tables, code."""

from __future__ import annotations

import pytest

from cprs.formats import segment
from cprs.formats.markdown import CODE_LIMIT
from cprs.units import Layout, Role

TEXT = """---
title: T
---
# One

Para one. More of it.

## Two

- item one. Still.
  - nested

  goes on
- item b

| h | i |
|---|---|
| 1 | 2 |
| 3 | 4 |

```py
# no heading
| a | b |
|---|---|
```

Setext
------

> quoted

### Deep #

last
# Three
end"""


def cut(text: str, granularity: str) -> Layout:
    return segment(text, format="markdown", granularity=granularity)


def trail(text: str, layout: Layout, piece: str) -> list[str]:
    """The first lines of a unit that holds `piece` and of all it depends on."""
    units = list(layout.units)
    i = next(i for i, u in enumerate(units) if piece in text[u.start : u.end])
    found = []
    while i >= 0:
        found.append(text[units[i].start : units[i].end].split("\n")[0].strip())
        i = units[i].parent
    return found


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        ("title", ["---"]),
        ("# One", ["# One"]),
        ("More", ["More of it.", "# One"]),
        ("Still", ["Still.", "## Two", "# One"]),
        ("nested", ["- nested", "- item one.", "## Two", "# One"]),
        ("goes on", ["goes on", "- item one.", "## Two", "# One"]),
        ("item b", ["- item b", "## Two", "# One"]),
        ("| 3", ["| 3 | 4 |", "| h | i |", "## Two", "# One"]),
        ("no heading", ["```py", "## Two", "# One"]),
        ("quoted", ["> quoted", "Setext", "# One"]),
        ("last", ["last", "### Deep #", "Setext", "# One"]),
        ("end", ["end", "# Three"]),
    ],
)
def test_a_unit_brings_its_headings(piece: str, expected: list[str]) -> None:
    assert trail(TEXT, cut(TEXT, "sentence"), piece) == expected


def test_kinds_of_blocks() -> None:
    layout = cut(TEXT, "paragraph")
    kinds = [unit.kind for unit in layout.units]
    assert ", ".join(kinds) == (
        "front matter, heading, paragraph, heading, item, item, paragraph, item, header, row, row, "
        "code, heading, quote, heading, paragraph, heading, paragraph"
    )
    assert {unit.role for unit in layout.units} == {Role.CONTENT}


def test_lines_of_code_bring_their_fences() -> None:
    layout = cut(TEXT, "line")
    code = [(u.role, TEXT[u.start : u.end].strip()) for u in layout.units if u.kind == "code"]
    assert code == [
        (Role.FRAME, "```py"),
        (Role.CONTENT, "# no heading"),
        (Role.CONTENT, "| a | b |"),
        (Role.CONTENT, "|---|---|"),
        (Role.CLOSE, "```"),
    ]


def test_huge_code_is_cut_between_lines_inside_its_fences() -> None:
    text = "# H\n\n```\n" + "x = 1\n" * CODE_LIMIT + "```\nafter"
    units = [u for u in cut(text, "sentence").units if u.kind == "code"]
    assert units[0].role == Role.FRAME
    assert text[units[-1].start : units[-1].end] == "```\n"
    assert units[-1].role == Role.CLOSE
    assert len(units) > 5
    assert all(u.end - u.start <= CODE_LIMIT and text[u.end - 1] == "\n" for u in units)
    assert {u.parent for u in units[1:]} == {1}


def test_a_fence_that_never_closes_runs_to_the_end() -> None:
    text = "a\n\n~~~\n# b\n```\n\nc"
    assert [u.kind for u in cut(text, "paragraph").units] == ["paragraph", "code"]
    assert [u.role for u in cut(text, "line").units][-1] == Role.CONTENT


def test_sections_are_bodies_under_headings() -> None:
    layout = cut(TEXT, "section")
    assert trail(TEXT, layout, "| 3") == ["- item one. Still.", "## Two", "# One"]
    assert trail(TEXT, layout, "last") == ["last", "### Deep #", "Setext", "# One"]
    assert {u.kind for u in layout.units} == {"heading", "section"}
