"""Words out of pieces, and what the words alone say about passages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.survey import PASSAGE_FEATURES, QUESTION_FEATURES, Survey, smooth, survey, widen
from cprs.critics.words import INSIDE, SAME_STEM, Lexicon, Pieces, stem
from cprs.windows import Window

VOCABULARY = [*"abc", "##a", "##b", "red", "fox", "runs", "run", "##ner", ".", "[SEP]", "the"]
ID = {piece: number for number, piece in enumerate(VOCABULARY)}
PIECES = Pieces(VOCABULARY)


def _ids(pieces: str) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array([ID[piece] for piece in pieces.split()], np.int32)


def _windows(*texts: list[str]) -> list[Window]:
    """A window per list; a passage per string. Every window follows the one before."""
    windows, at = [], 0
    for passages in texts:
        lengths = [len(passage.split()) for passage in passages]
        ends = np.cumsum(lengths)
        count = int(ends[-1])
        offsets = at + np.stack([np.arange(count), np.arange(1, count + 1)], axis=1)
        units = np.stack([ends - lengths, ends], axis=1)
        windows.append(Window(at, at + count, _ids(" ".join(passages)), offsets, units))
        at += count
    return windows


def _column(found: Survey, name: str) -> list[float]:
    column: list[float] = found.passages[:, PASSAGE_FEATURES.index(name)].round(4).tolist()
    return column


def test_pieces_become_words() -> None:
    ids = _ids("a ##b . red [SEP] b ##a ##a a ##b")
    words = PIECES.words(ids, np.zeros(len(ids), np.int64))
    spelt = [PIECES.spell(ids[a:b]) for a, b in zip(words.start, words.end, strict=True)]
    assert spelt == ["ab", "red", "baa", "ab"]
    assert words.key[0] == words.key[3]
    assert len(set(words.key.tolist())) == 3


def test_words_end_where_passages_end() -> None:
    words = PIECES.words(_ids("a ##b"), np.array([0, 1]))
    assert len(words) == 2


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4), max_size=40))
def test_equal_keys_are_equal_words(ids: list[int]) -> None:
    array = np.array(ids, np.int32)
    words = PIECES.words(array, np.zeros(len(array), np.int64))
    spans = zip(words.start, words.end, words.key.tolist(), strict=True)
    by_key: dict[int, set[tuple[int, ...]]] = {}
    for start, end, key in spans:
        by_key.setdefault(key, set()).add(tuple(ids[start:end]))
    assert all(len(spellings) == 1 for spellings in by_key.values())
    spellings = [spelling for found in by_key.values() for spelling in found]
    assert len(spellings) == len(set(spellings))


def test_a_term_finds_its_kin() -> None:
    lexicon = Lexicon(["meeting", "meet", "getmeetinglist", "mist", "meter"])
    assert dict(zip(*lexicon.match("meeting"), strict=True)) == {0: 1, 1: SAME_STEM, 2: INSIDE}
    assert lexicon.match("zebra") == ([], [])


@pytest.mark.parametrize(
    ("a", "b"), [("chaired", "chair"), ("stories", "story"), ("stopped", "stop"), ("uses", "use")]
)
def test_stems_agree(a: str, b: str) -> None:
    assert stem(a) == stem(b)
    assert stem("2a8d601d") == "2a8d601d"


def test_coverage_at_every_width() -> None:
    found = survey(PIECES, _ids("red fox"), _windows(["red .", "a .", "fox ."], ["b .", "c ."]))
    assert _column(found, "coverage")[1::2] == [0, 0]
    assert _column(found, "coverage_1") == pytest.approx([0.5, 1, 0.5, 0.5, 0])
    assert _column(found, "coverage_2") == pytest.approx([1, 1, 1, 0.5, 0.5])
    assert _column(found, "window_coverage") == pytest.approx([1, 1, 1, 0, 0])
    assert _column(found, "windows_coverage") == pytest.approx([1] * 5)
    assert found.worth.sum() == pytest.approx(1)


def test_neighbours_end_with_their_document() -> None:
    first, second = _windows(["red .", "a ."]), _windows(["b .", "c ."])
    apart = survey(PIECES, _ids("red"), [*first, *second])
    assert _column(apart, "coverage_16") == pytest.approx([1, 1, 0, 0])
    assert _column(apart, "windows_coverage") == pytest.approx([1, 1, 0, 0])


def test_pairs_want_neighbours() -> None:
    found = survey(PIECES, _ids("red fox"), _windows(["red fox .", "fox red .", "red .", "fox ."]))
    assert _column(found, "pairs") == pytest.approx([1, 0, 0, 0], abs=1e-3)


def test_nothing_asked_and_nothing_there() -> None:
    for asked, windows in (("", _windows(["a ."])), (".", _windows(["a ."])), ("red", [])):
        found = survey(PIECES, _ids(asked), windows)
        assert np.isfinite(found.passages).all()
        assert np.isfinite(found.question).all()
        assert found.question.shape == (len(QUESTION_FEATURES),)


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(st.floats(0, 1, width=32), max_size=30),
    reach=st.integers(1, 5),
    borders=st.sets(st.integers(1, 29)),
)
def test_widen_and_smooth_stay_within_their_group(
    values: list[float], reach: int, borders: set[int]
) -> None:
    array = np.array(values, np.float64)
    group = np.cumsum([i in borders for i in range(len(values))], dtype=np.int64)
    for i, wide in enumerate(widen(array, reach, group)):
        near = [
            values[j]
            for j in (i - reach, i, i + reach)
            if 0 <= j < len(values) and group[j] == group[i]
        ]
        assert wide == max(near)
    for i, mean in enumerate(smooth(array, [0.5] * reach, group)):
        near = [v for j, v in enumerate(values) if group[j] == group[i] and abs(i - j) <= reach]
        assert min(near) - 1e-9 <= mean <= max(near) + 1e-9
