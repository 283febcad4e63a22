"""Haystacks, what is planted in them, and documents stitched into them."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import OptionError, TextError
from cprs.train.sets.data import Document, Question
from cprs.train.tasks import Haystack, stitch
from cprs.train.tasks.plant import Piece, lay

TEXT = "First one here. Second one, at 10:30. Third one follows.\n\nA new paragraph. Its end"


def test_generated_prose_is_plain_and_varied() -> None:
    sentences = Haystack().take(50_000, random.Random(1))
    text = "".join(sentences)
    assert abs(len(text) - 50_000) < 60
    assert not any(c.isdigit() or c in "@$-\"'_/" for c in text)
    assert len(set(sentences)) > 0.9 * len(sentences)


def test_text_of_others_is_read_round_and_round(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "deep" / "b.txt.gz").write_bytes(gzip.compress(b"Zipped text. And more of it."))
    (tmp_path / "image.bin").write_bytes(b"\xff\x00")
    hay = Haystack.read(tmp_path)
    text = "".join(hay.take(1_000, random.Random(2)))
    assert "Third one follows.\n\nA new paragraph." in text
    assert "Zipped text. And more of it." in text
    assert 960 <= len(text) <= 1_000
    plain = "".join(hay.take(1_000, random.Random(2), plain=True))
    assert "10:30" not in plain
    assert "First one here." in plain


def test_haystacks_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no text for a haystack"):
        Haystack.read(tmp_path)
    (tmp_path / "a.txt").write_text(" \n")
    with pytest.raises(OptionError, match="holds no text"):
        Haystack.read(tmp_path)
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(TextError, match=r"b\.txt"):
        Haystack.read(tmp_path)
    with pytest.raises(OptionError, match="free of digits"):
        Haystack(["Only 1. Or 2."]).take(100, random.Random(0), plain=True)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(["One. ", "Two two.\n\n", "Three, three three. "]), max_size=30),
    st.lists(
        st.tuples(
            st.sampled_from(["<a>", "<b b>"]),
            st.floats(0, 1),
            st.sampled_from(["inline", "line", "paragraph"]),
        ),
        max_size=6,
    ),
)
def test_pieces_lie_where_it_is_said(hay: list[str], drawn: list[tuple[str, float, str]]) -> None:
    pieces = [Piece(text, depth, style) for text, depth, style in drawn]  # type: ignore[arg-type]
    text, spans = lay(hay, pieces)
    assert [text[a:b] for a, b in spans] == [piece.text for piece in pieces]
    left = text
    for piece in pieces:
        left = left.replace(piece.text, "", 1)
    assert left.split() == "".join(hay).split()
    for piece, (start, _) in zip(pieces, spans, strict=True):
        if piece.style == "line" and start:
            assert text[start - 1] == "\n"
        if piece.style == "paragraph" and start:
            assert text[start - 2 : start] == "\n\n"
    by_depth = sorted(range(len(pieces)), key=lambda i: pieces[i].depth)
    assert [spans[i] for i in by_depth] == sorted(spans)


def _short(number: int) -> Document:
    text = f"Before it. The answer to {number} is in this rather long sentence. After it."
    start = text.index("The answer")
    asked = Question(f"What is {number}?", ((start, start + len("The answer to 0 is in this")),))
    return Document(str(number), "set", text, (asked,), context="alone")


def test_stitched_documents_keep_their_evidence() -> None:
    made = list(stitch([_short(n) for n in range(10)], length=4_000, seed=3))
    places = []
    for number, document in enumerate(made):
        ((start, end),) = document.questions[0].evidence
        assert document.text[start:end] == f"The answer to {number} is in this"
        assert abs(len(document.text) - 4_000) <= 200
        assert (document.id, document.source, document.context) == (str(number), "set", "alone")
        places.append(start / 4_000)
    assert min(places) < 0.01
    assert max(places) > 0.95
    assert made == list(stitch([_short(n) for n in range(10)], length=4_000, seed=3))


def test_stitched_across_edges() -> None:
    crossed = 0
    for document in stitch([_short(n) for n in range(10)], length=6_000, seed=1, edge=500):
        ((start, end),) = document.questions[0].evidence
        assert document.text[start:end].startswith("The answer")
        crossed += start < round(start / 500) * 500 < end
    assert crossed >= 8


def test_documents_that_are_long_enough_stay() -> None:
    long = Document("1", "set", "x" * 3_000, ())
    assert list(stitch([long], length=2_000, seed=0)) == [long]
