"""Tags into spans as published: against a plain reading of what the published API does."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs import decode as module
from cprs.decode import BRIDGE, Decoding, bridged, closed, decode

TAGS = "BIOE"
ENDS = set('.。：？！"”?!\n')


def codes(tags: str) -> np.ndarray:
    return np.array([TAGS.index(tag) for tag in tags], np.uint8)


def slow_bridged(tags: str) -> str:
    found = list(tags)
    for place in range(len(found)):
        if found[place] != "B":
            continue
        at, ended = place, False
        while not ended:
            nearest = next((n for n in range(at + 1, len(found)) if found[n] != "O"), None)
            if nearest is None or nearest - at >= 20:
                break
            found[at + 1 : nearest] = "I" * (nearest - at - 1)
            at, ended = nearest, found[nearest] != "I"
    return "".join(found)


def slow_decode(
    text: str, offsets: list[tuple[int, int]], tags: str, how: Decoding
) -> list[tuple[str, int, int]]:
    tags = slow_bridged(tags)
    found: list[tuple[str, int, int]] = []
    begin = None
    reached = -1
    for place in range(len(tags) + 1):
        over = place == len(tags) or tags[place] in "OB"
        if begin is not None and over:
            start = offsets[begin][0]
            end = offsets[place][0] if place < len(tags) else len(text)
            if place - begin > how.min_tokens:
                if how.complete_sentences:
                    while start > 0 and start > reached and text[start - 1] not in ENDS:
                        start -= 1
                    while end < len(text) - 1 and text[end - 1] not in ENDS:
                        end += 1
                said = text[start:end].strip()
                if said and said not in "（），。！":
                    found.append((said, start, end))
            reached, begin = end, None
        if begin is None and place < len(tags) and tags[place] != "O":
            begin = place
    return found


@st.composite
def tagged(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]], str]:
    pieces = draw(
        st.lists(
            st.sampled_from(["a", " b", "cd", ".", "。", "！", "\n", " ", "\u3000", "？ ", "！，"]),
            max_size=60,
        )
    )
    ends = np.cumsum([len(piece) for piece in pieces]).tolist()
    tags = draw(st.text(TAGS + "OOOO", min_size=len(pieces), max_size=len(pieces)))
    return "".join(pieces), list(pairwise([0, *ends])), tags


@settings(deadline=None, max_examples=80)
@given(tagged(), st.integers(0, 6), st.booleans())
def test_spans_are_those_of_a_plain_reading(
    given: tuple[str, list[tuple[int, int]], str], least: int, whole: bool
) -> None:
    text, offsets, tags = given
    how = Decoding(min_tokens=least, complete_sentences=whole)
    found = decode(text, np.array(offsets, np.int64).reshape(-1, 2), codes(tags), how)
    wanted = slow_decode(text, offsets, tags, how)
    assert found.bounds.tolist() == [[start, end] for _, start, end in wanted]
    assert [text[start:end] for start, end in found.inner.tolist()] == [said for said, *_ in wanted]


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.sampled_from("BIE"), st.integers(0, 25)), max_size=12))
def test_gaps_are_bridged_as_a_plain_reading_says(parts: list[tuple[str, int]]) -> None:
    tags = "".join(tag + "O" * gap for tag, gap in parts)
    assert "".join(TAGS[code] for code in bridged(codes(tags))) == slow_bridged(tags)


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ("B" + "O" * 18 + "E", "B" + "I" * 18 + "E"),
        ("B" + "O" * 19 + "E", "B" + "O" * 19 + "E"),
        ("BOEOIOB", "BIEOIOB"),  # nothing opened what stands behind an E
        ("BOIOE", "BIIIE"),
        ("OIOIOE", "OIOIOE"),  # nor what no B begins
        ("BOO", "BOO"),
        ("BOB", "BIB"),
        ("", ""),
        ("O", "O"),
        ("E", "E"),
    ],
)
def test_gaps(tags: str, wanted: str) -> None:
    assert "".join(TAGS[code] for code in bridged(codes(tags))) == wanted


def each(text: str) -> np.ndarray:
    """Every code point a token."""
    return np.stack([np.arange(len(text)), np.arange(1, len(text) + 1)], axis=1)


def test_a_span_reaches_to_where_the_next_token_begins() -> None:
    offsets = np.array([[0, 4], [5, 7], [9, 12]])
    found = decode("Rain at  day", offsets, codes("BEO"), Decoding(min_tokens=1))
    assert found.bounds.tolist() == [[0, 9]]
    assert found.inner.tolist() == [[0, 7]]


def test_a_span_has_more_tokens_than_the_least() -> None:
    assert len(decode("abcd", each("abcd"), codes("BIIE"), Decoding(min_tokens=4)).bounds) == 0
    assert len(decode("abcde", each("abcde"), codes("BIIIE"), Decoding(min_tokens=4)).bounds) == 1
    assert len(decode("abcde", each("abcde"), codes("BIIIE")).bounds) == 1


def test_sentences_are_completed_and_not_drawn_into_each_other() -> None:
    text = "One. Two three four. Five."
    tags = ["O"] * len(text)
    for word in ("three", "four"):
        at = text.index(word)
        tags[at] = "B"
        tags[at + 1 : at + len(word)] = ["I"] * (len(word) - 1)
    how = Decoding(min_tokens=1, complete_sentences=True)
    found = decode(text, each(text), codes("".join(tags)), how)
    said = [text[start:end] for start, end in found.inner.tolist()]
    assert said == ["Two three four.", "four."]


def test_signs_alone_are_no_span() -> None:
    text = "a，。b"
    found = decode(text, each(text), codes("OBEO"), Decoding(min_tokens=1))
    assert len(found.bounds) == 0


def test_a_token_takes_the_white_space_before_it() -> None:
    trimmed = np.array([[0, 4], [5, 8], [8, 9], [8, 9], [12, 13]])
    assert closed(trimmed).tolist() == [[0, 4], [4, 8], [8, 9], [8, 9], [9, 13]]


def test_two_million_tags_take_passes_not_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Array operations do not become more as tags do, and each is on the whole."""
    count = 0

    class Counting:
        def __getattr__(self, name: str) -> object:
            nonlocal count
            count += 1
            return getattr(np, name)

    monkeypatch.setattr(module, "np", Counting())
    rng = np.random.default_rng(0)
    counts = []
    how = Decoding(min_tokens=1, complete_sentences=True)
    for size in (2_000, 2_000_000):
        count = 0
        tags = rng.choice(4, size, p=[0.02, 0.1, 0.86, 0.02]).astype(np.uint8)
        text = "a" * size  # one sentence, so that every span would be drawn through all of it
        found = decode(text, each(text), tags, how)
        assert len(found.bounds) > size // 100
        counts.append(count)
    assert counts[0] == counts[1]
    assert BRIDGE == 20
