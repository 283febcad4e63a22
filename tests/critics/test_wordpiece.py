from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import WhitespaceSplit

from cprs.critics import wordpiece
from cprs.critics.weights import SHIPPED, TOKENIZER
from cprs.critics.wordpiece import WordPiece

JSON = (SHIPPED / TOKENIZER).read_text(encoding="utf-8")
PIECES = WordPiece(JSON)
WHOLE = Tokenizer.from_str(JSON)
WHOLE.encode_special_tokens = True

SPACES = (" ", "\n", "\t", "\r\n", "  \n\n", "\u3000", "\u00a0", "\u2028")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
SPACED = st.lists(st.tuples(WORDS, st.sampled_from(SPACES)), max_size=60).map(
    lambda parts: "".join(word + space for word, space in parts)
)


# What normalisers, pre-tokenisers and borders trip over.
ODD = (
    *(
        "字",
        "符，",
        "。",
        "かな",
        "한국어",
        "é",
        "e\u0301",
        "\u0301",
        "o\u0323\u0302",
        "ß",
        "İ",
        "ﬁ",
    ),
    *("≮", "<\u0338", "\u302e\u0301", "\u0483", "\u0903", "’", "—", "👩‍👩‍👧", "🇫🇷", "ſ", "²"),
    *("\x00", "\x0b", "\x85", "\xad", "\u200b", "\ufffd", "\ufeff", "\U000e0041"),
    *("a" * 101, "ab" * 30, "[SEP]", "##s", "...", " " * 60, "\t" * 60, "漢" * 60),
)
HARD = st.lists(st.one_of(WORDS, st.sampled_from(SPACES), st.sampled_from(ODD)), max_size=60).map(
    " ".join
)
"""Any text with white space every now and then."""


def in_chunks(text: str, size: int) -> tuple[list[int], list[tuple[int, int]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wordpiece, "CHUNK", size)
        encoded = PIECES.encode(text)
    return encoded.ids.tolist(), [(a, b) for a, b in encoded.offsets.tolist()]


def at_once(text: str) -> tuple[list[int], list[tuple[int, int]]]:
    encoding = WHOLE.encode(text, add_special_tokens=False)
    return encoding.ids, encoding.offsets


@settings(deadline=None)
@given(SPACED)
def test_chunks_change_nothing_where_there_is_white_space(text: str) -> None:
    assert in_chunks(text, 48) == at_once(text)


@settings(deadline=None, max_examples=300)
@given(HARD)
def test_chunks_change_nothing_in_hard_text(text: str) -> None:
    if max(map(len, text.split(" "))) < 128:
        assert in_chunks(text, 128) == at_once(text)


@settings(deadline=None, max_examples=300)
@given(st.one_of(HARD.map(lambda text: text.replace(" ", "")), st.text(max_size=200)))
def test_offsets_counted_by_letters_are_the_library_s(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    assert in_chunks(text, 1 << 20) == at_once(text)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_cores_gives_the_same_tokens(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(
        f"Café {i}: “quoted”, 漢字{i} 한국어, o\u0323\u0302 👩‍👩‍👧.\n" for i in range(1500)
    )
    monkeypatch.setattr(wordpiece, "CHUNK", 256)
    monkeypatch.setattr(wordpiece, "BATCH", 8)
    monkeypatch.setattr(wordpiece, "cores", lambda: threads)
    encoded = PIECES.encode(text)
    ids, offsets = at_once(text)
    assert encoded.ids.tolist() == ids
    assert encoded.offsets.tolist() == [list(pair) for pair in offsets]


@pytest.mark.parametrize(
    ("part", "other"),
    [("normalizer", Lowercase()), ("pre_tokenizer", WhitespaceSplit()), ("normalizer", None)],
)
def test_other_tokenizers_keep_their_own_offsets(part: str, other: object) -> None:
    changed = Tokenizer.from_str(JSON)
    setattr(changed, part, other)
    text = "Café: the İstanbul ﬁle, and 漢字 don't fit. " * 200
    encoded = WordPiece(changed.to_str()).encode(text)
    encoding = changed.encode(text, add_special_tokens=False)
    assert encoded.ids.tolist() == encoding.ids
    assert encoded.offsets.tolist() == [list(pair) for pair in encoding.offsets]


@settings(deadline=None)
@given(st.text("字符串，。漢かな.,!-a1", max_size=300))
def test_chunks_change_nothing_between_ideographs_and_punctuation(text: str) -> None:
    if not any(len(run) > 20 for run in "".join(c if c in "aかな1" else " " for c in text).split()):
        assert in_chunks(text, 48) == at_once(text)


@settings(deadline=None)
@given(st.text(max_size=400), st.integers(4, 64))
def test_any_string_has_tokens_in_order_inside_it(text: str, size: int) -> None:
    ids, offsets = in_chunks(text, size)
    assert len(ids) == len(offsets)
    flat = np.array(offsets, np.int64).reshape(-1, 2)
    assert (flat[:, 0] <= flat[:, 1]).all()
    assert (np.diff(flat[:, 0]) >= 0).all()
    assert (np.diff(flat[:, 1]) >= 0).all()
    assert not len(flat) or (flat[0, 0] >= 0 and flat[-1, 1] <= len(text))


def test_offsets_are_code_points_of_the_whole_document() -> None:
    text = "💡 é\u0301 naïve " * 2000 + "needle"
    encoded = PIECES.encode(text)
    a, b = encoded.offsets[-1]
    assert text[a:b] in "needle"
    assert b == len(text)


@pytest.mark.parametrize("text", ["", " \n\t ", "\x00", "\x00" * 10_000])
def test_text_without_words_has_no_tokens(text: str) -> None:
    encoded = PIECES.encode(text)
    assert len(encoded) == 0
    assert encoded.offsets.shape == (0, 2)


def test_lone_surrogates_do_not_move_what_follows() -> None:
    text = "a \ud800 b \udfff\ud800 c"
    encoded = PIECES.encode(text)
    assert [text[a:b] for a, b in encoded.offsets.tolist()][::1][0] == "a"
    assert text[slice(*encoded.offsets[-1])] == "c"


def test_special_tokens_in_a_document_are_text() -> None:
    encoded = PIECES.encode("[CLS] one [SEP] two [MASK]")
    assert not {PIECES.id("[CLS]"), PIECES.id("[SEP]"), PIECES.id("[MASK]")} & set(
        encoded.ids.tolist()
    )


def test_one_endless_word_has_tokens_all_along_it() -> None:
    encoded = PIECES.encode("a" * 1_000_000)
    assert 1_000_000 / wordpiece.CHUNK <= len(encoded) < 100_000
    assert np.diff(encoded.offsets[:, 0]).max() <= wordpiece.CHUNK


def test_a_grapheme_is_not_cut_in_an_endless_word() -> None:
    family = "👩‍👩‍👧"
    encoded = PIECES.encode(family * 3000)
    assert (encoded.offsets[:, 0] % len(family) == 0).all()


def test_time_is_linear() -> None:
    text = "The quick brown fox jumps over 13 lazy dogs; nobody minds.\n" * 4000

    def seconds(times: int) -> float:
        begin = time.process_time()
        PIECES.encode(text * times)
        return time.process_time() - begin

    seconds(1)
    assert min(seconds(8) for _ in range(2)) < 24 * min(seconds(1) for _ in range(3))


def test_unknown_token_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no token '\[NONE\]'"):
        PIECES.id("[NONE]")


def test_the_vocabulary_is_in_order_of_ids() -> None:
    vocabulary = PIECES.vocabulary
    assert vocabulary[PIECES.id("[SEP]")] == "[SEP]"
    assert len(vocabulary) == 30_522
