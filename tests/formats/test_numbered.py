from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs import OptionError
from cprs.formats import segment
from cprs.formats.numbered import numbered

BODY = "The bay has a tidal range of eleven metres. Mills stood there, the oldest at Kerlo." * 2


@pytest.mark.parametrize(
    "mark",
    [
        *("[{}] ", "({}) ", "{}. ", "{}) ", "Passage {}: ", "Document [{}](Title: Tides) "),
        *("### Source {}\n", "**Chunk {}**\n", "Doc #{}:\n", "文档{}：", "[{}]\n"),
    ],
)
def test_passages_begin_at_their_numbers(mark: str) -> None:
    parts = [mark.format(number) + BODY + "\n\n" for number in range(1, 6)]
    starts = [sum(map(len, parts[:number])) for number in range(5)]
    text = "".join(parts)
    assert numbered(text).tolist() == starts
    assert numbered("Passages:\n\n" + text).tolist() == [start + 11 for start in starts]
    layout = segment(text, format="passages")
    assert layout.units.bounds.tolist() == [*starts, len(text)]
    assert layout.finer is None


def test_tags_are_passages_too() -> None:
    parts = [f'<document id="{name}">\n{BODY}\n</document>\n' for name in "abcd"]
    text = "<documents>\n" + "".join(parts) + "</documents>"
    assert len(numbered(text)) == 4
    assert len(numbered("".join(parts).replace("</document>", ""))) == 0


@pytest.mark.parametrize(
    "text",
    [
        "1. Milk\n2. Eggs\n3. Flour\n4. Salt\n",
        "2019 was dry.\n2020 was wet.\n2021 was dry.\n",
        BODY * 20 + "\n[1] a\n[2] b\n[3] c\n",
        "[1] one\n[1] two\n[7] three\n",
        "",
    ],
)
def test_lists_years_and_references_are_none(text: str) -> None:
    assert len(numbered(text)) == 0


def test_other_granularities_are_named() -> None:
    with pytest.raises(OptionError, match="granularity of passages"):
        segment("[1] a", format="passages", granularity="sentence")


@settings(deadline=None, max_examples=60)
@given(st.text("[1234] \n.a<document>/(:", max_size=200) | st.text(max_size=100))
def test_units_tile_any_text(text: str) -> None:
    bounds = segment(text, format="passages").units.bounds.tolist()
    assert bounds[0] == 0
    assert bounds[-1] == len(text)
    assert bounds == sorted(set(bounds))
