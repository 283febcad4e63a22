"""Texts kept by what a critic's tags mark."""

from __future__ import annotations

import pytest
from tagging import Tagging

from cprs import Compressor
from cprs.critics.lexical import LexicalCritic
from cprs.decode import Decoding
from cprs.errors import OptionError

GAP = "-" * 30
TEXT = f"- Ab1 -- Cd; 9 {GAP} \nE {GAP} fgh9.\n"


def test_what_is_marked_is_kept_whatever_the_units() -> None:
    found = Compressor(Tagging()).compress(TEXT, query="q", decode=Decoding(min_tokens=1))
    assert [TEXT[span.start : span.end] for span in found.spans] == ["Ab1 ", "Cd; 9 ", "fgh9"]
    assert found.decoded is not None
    assert [TEXT[span.start : span.end] for span in found.decoded] == ["Ab1", "Cd; 9", "fgh9"]


def test_published_is_a_name_for_the_published_defaults() -> None:
    found = Compressor(Tagging()).compress(f"Abcd{GAP}Abcde{GAP}", query="q", decode="published")
    assert found.text == "Abcde"
    assert found.kept == {"span": 1}
    assert found.dropped == {"rest": 2}


def test_a_critic_may_have_its_tags_decoded_unless_something_else_decides() -> None:
    compressor = Compressor(Tagging(Decoding(min_tokens=2)))
    text = f"Abc.\n{GAP}\nde.\n{GAP}"
    assert compressor.compress(text, query="q").text == "Abc"
    assert compressor.compress(text, query="q", threshold=0.5).decoded is None
    assert compressor.compress(text, query="q", budget=len(text) - 1).decoded is None


def test_protected_ranges_and_spans_that_overlap_are_kept_once() -> None:
    text = "--- Abc -- Def --; fghij. Four. -----"
    how = Decoding(min_tokens=1, complete_sentences=True)
    found = Compressor(Tagging()).compress(text, query="q", decode=how, protect=[(33, 35)])
    assert found.decoded is not None
    said = [text[span.start : span.end] for span in found.decoded]
    assert said == ["--- Abc -- Def --; fghij.", "Def --; fghij. Four.", "Four."]
    assert "".join(text[span.start : span.end] for span in found.spans) == found.text
    assert all(a.end <= b.start for a, b in zip(found.spans, found.spans[1:], strict=False))
    assert [text[span.start : span.end] for span in found.spans] == [
        "--- Abc -- Def --; fghij. Four. ",
        "--",
    ]


def test_spans_carry_their_label_and_best_score() -> None:
    found = Compressor(Tagging()).compress(
        "-- Abc --", instruction="Tag dates with 'when'.", decode=Decoding(min_tokens=1)
    )
    assert found.decoded is not None
    assert [(span.label, span.score) for span in found.decoded] == [("when", 1.0)]


def test_documents_are_decoded_one_by_one() -> None:
    found = Compressor(Tagging()).compress_many(
        ["-Ab", "c1-"], query="q", decode=Decoding(min_tokens=1)
    )
    assert found.documents == ("Ab", "c1")
    assert found.decoded is not None
    assert [span.document for span in found.decoded] == [0, 1]


def test_nothing_marked_is_said() -> None:
    found = Compressor(Tagging()).compress("- -- -", query="q", decode="published")
    assert found.text == ""
    assert "nothing was kept" in found.warnings[0]


@pytest.mark.parametrize("limit", [{"budget": 9}, {"ratio": 2.0}, {"threshold": 0.5}])
def test_tags_decide_alone(limit: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="tags decide alone"):
        Compressor(Tagging()).compress("Ab", query="q", decode="published", **limit)  # type: ignore[arg-type]


def test_another_way_to_decode() -> None:
    with pytest.raises(OptionError, match="unknown decode 'viterbi'; known: published"):
        Compressor(Tagging()).compress("Ab", query="q", decode="viterbi")


def test_a_critic_without_tags() -> None:
    with pytest.raises(OptionError, match="no tags"):
        Compressor(LexicalCritic()).compress("Ab", query="q", decode="published")
