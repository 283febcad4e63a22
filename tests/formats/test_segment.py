"""`segment`: names, granularities, and texts that are not what they look like."""

from __future__ import annotations

import pytest

from cprs.errors import OptionError, TextError
from cprs.formats import FORMATS, by_extension, known_formats, known_granularities, segment


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(OptionError, match=r"unknown format 'docx'; known: text, markdown, log"):
        segment("a", format="docx")
    with pytest.raises(OptionError, match=r"unknown granularity of text 'page'; known: sentence,"):
        segment("a", format="text", granularity="page")
    with pytest.raises(OptionError, match=r"unknown granularity 'page'; known: .*record"):
        segment("a", granularity="page")


def test_a_detected_format_without_the_granularity_takes_its_default() -> None:
    assert segment('[{"a": 1}, {"a": 2}]', granularity="line").granularity == "record"
    assert segment("One. Two.", granularity="function").granularity == "sentence"
    with pytest.raises(OptionError, match="docx"):
        known_granularities("docx")


def test_an_inferred_granularity_that_is_not_offered_is_passed_over() -> None:
    layout = segment("One. Two.", format="text", granularity="function", strict=False)
    assert layout.granularity == "sentence"


def test_other_names_of_formats_and_granularities() -> None:
    layout = segment("# A\n\nb", format="MD", granularity="Paragraphs")
    assert (layout.format, layout.granularity) == ("markdown", "paragraph")


def test_detected_but_broken_json_is_cut_as_text() -> None:
    broken = '{"a": [1, 2, {"b": "c"'
    assert segment(broken, filename="a.json").format == "text"
    assert segment(broken, filename="a.json", granularity="record", strict=False).format == "text"
    with pytest.raises(TextError):
        segment(broken, format="json")


def test_the_file_name_counts() -> None:
    assert segment("x = 1\n", filename="a.py").format == "python"
    assert by_extension("a/b.c/README") is None


@pytest.mark.parametrize("name", known_formats())
def test_every_format_is_complete(name: str) -> None:
    each = next(each for each in FORMATS if each.name == name)
    assert each.granularities
    assert all(ending.startswith(".") and ending.islower() for ending in each.extensions)
    assert known_granularities(name) == each.granularities
    for sample in ("", "\0", "\ud800", "a" * 40_000, "\n" * 40_000, "[(<{|" * 8_000):
        assert 0 <= each.detect(sample) <= 1
