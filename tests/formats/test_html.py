"""HTML: which blocks are readable, and what they bring along."""

from __future__ import annotations

import pytest

from cprs.formats.html import HtmlFormat
from cprs.units import PASSAGE_LIMIT, Role

FORMAT = HtmlFormat()

PAGE = """<!DOCTYPE html>
<html><head><title>T</title><script>var a = "<p>no</p>";</script></head>
<body><nav><ul><li>Menu</li></ul></nav>
<h1>One &amp; all</h1>
<p>First <b>bold</b>.</p><p>Unclosed
<ul><li>item<ul><li>nested</li></ul></li></ul>
<!-- not me --><style>p { }</style>
<h2>Two</h2>
<table><thead><tr><th>A<th>B</tr></thead><tr><td>1<td>2</tr><tr><td>3<td>4</tr></table>
<div>direct <i>text</i><p>inner</p>tail</div>
<h1>Three</h1>one<br>two<br><br>three
<pre>
  code
</pre></body></html>
"""


def kept(text: str, granularity: str = "block") -> list[tuple[str, str, str]]:
    """(kind, slice, slice of the parent) of what may be selected."""
    units = FORMAT.layout(text, granularity).units
    slices = [text[unit.start : unit.end].rstrip() for unit in units]
    return [
        (unit.kind, piece, slices[unit.parent] if unit.parent >= 0 else "")
        for unit, piece in zip(units, slices, strict=True)
        if unit.role == Role.CONTENT
    ]


def test_golden_page() -> None:
    one, two, three = "<h1>One &amp; all</h1>", "<h2>Two</h2>", "<h1>Three</h1>"
    header = "<tr><th>A<th>B</tr>"
    assert kept(PAGE) == [
        ("heading", one, ""),
        ("block", "<p>First <b>bold</b>.</p>", one),
        ("block", "<p>Unclosed", one),
        ("block", "<li>item", one),
        ("block", "<li>nested</li>", one),
        ("heading", two, one),
        ("header", header, two),
        ("row", "<tr><td>1<td>2</tr>", header),
        ("row", "<tr><td>3<td>4</tr>", header),
        ("block", "<div>direct <i>text</i>", two),
        ("block", "<p>inner</p>", two),
        ("block", "tail", two),
        ("heading", three, ""),
        ("block", "one<br>two", three),
        ("block", "three", three),
        ("block", "<pre>\n  code\n</pre>", three),
    ]


def test_sections_hold_what_stands_under_a_heading() -> None:
    found = kept(PAGE, "section")
    assert [kind for kind, _, _ in found] == ["heading", "section"] * 3
    assert found[1][1].startswith("<p>First")
    assert found[1][1].endswith("<li>nested</li>")
    assert found[3][2] == "<h2>Two</h2>"


def test_markup_is_never_selected() -> None:
    units = FORMAT.layout(PAGE, "block").units
    assert all((unit.kind == "markup") == (unit.role == Role.FRAME) for unit in units)
    assert not any("Menu" in piece or "var a" in piece for _, piece, _ in kept(PAGE))


def test_long_blocks_are_cut_between_sentences_and_not_in_tags() -> None:
    sentence = "A <a title='One. Two. Three.' href='#'>link</a> in it. "
    text = "<p>" + sentence * 100 + "</p>"
    bounds = FORMAT.layout(text, "block").passages.tolist()
    assert len(bounds) > 50
    for place in bounds[1:-1]:
        assert text.rfind("<", 0, place) < text.rfind(">", 0, place)


@pytest.mark.parametrize(
    "text",
    [
        "<div>" * 20_000,
        "<div>" * 20_000 + "x" + "</div>" * 20_000,
        "<p>a" * 20_000,
        "<a b='" * 20_000,
        "<b>" * 20_000 + "x",
        "<tr><td>a" * 20_000,
        "</p>" * 20_000,
        "<" * 50_000,
        "<!--" * 50_000,
        "<script>" * 20_000,
        "<p>" + "x" * 1_000_000,
        "<p>a\x00b\ud800</p>\r\n" * 2_000,
        "\ufeff<p>\u0301a\u0600</p>\u0301<p>b</p>",
        "no markup at all",
    ],
)
@pytest.mark.parametrize("granularity", FORMAT.granularities)
def test_adversarial_pages(text: str, granularity: str) -> None:
    layout = FORMAT.layout(text, granularity)
    assert layout.units.bounds[-1] == layout.passages[-1] == len(text)
    assert (layout.units.bounds[1:] > layout.units.bounds[:-1]).all()
    assert max(layout.passages[1:] - layout.passages[:-1]) <= PASSAGE_LIMIT


@pytest.mark.parametrize(
    ("sample", "likely"),
    [
        (PAGE, True),
        ("<html lang=en>", True),
        ("<p>a</p>\n<p>b</p>\n<ul>\n<li>c</li>\n</ul>\n", True),
        ("<?xml version='1.0'?>\n<feed><entry/></feed>\n", False),
        ("<note>a</note>", False),
        ("1 < 2", False),
        ("", False),
    ],
)
def test_detection(sample: str, likely: bool) -> None:
    assert (FORMAT.detect(sample) > 0.5) is likely
