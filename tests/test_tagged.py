"""Texts kept by what a critic's tags mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from cprs import Compressor
from cprs.critics.base import State, TokenScores
from cprs.critics.hybrid.decode import Decoding
from cprs.critics.lexical import LexicalCritic
from cprs.errors import OptionError
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window


@dataclass(frozen=True)
class Tagging:
    """A critic that reads tags from the text itself: code points are tokens, capitals are B,
    small letters I, digits E, and all else O."""

    decoding: Decoding | None = None
    name: str = "tagging"
    window: int = 7
    threshold: float = 0.5
    warnings: tuple[str, ...] = ()

    def encode(self, text: str) -> Encoded:
        ids = np.array([ord(c) for c in text], np.int32)
        places = np.arange(len(text), dtype=np.int64)
        return Encoded(ids, np.stack([places, places + 1], axis=1))

    def read(self, windows: Sequence[Window]) -> list[State]:
        return [()] * len(windows)

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Tagging:
        return self

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        found = []
        for window in windows:
            text = "".join(map(chr, window.token_ids))
            tags = np.zeros((len(text), 4), np.float32)
            for place, c in enumerate(text):
                tags[place, 0 if c.isupper() else 1 if c.islower() else 3 if c.isdigit() else 2] = 1
            found.append(TokenScores(1 - tags[:, 2], tags))
        return found


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
