"""Words that the vocabulary lacks are told apart, and read as they were learnt."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs import Compressor
from cprs.critics.embedded_base import Base
from cprs.critics.unknown_words import UNKNOWN, UnknownWords, spare_letter
from cprs.critics.words import Pieces

VOCABULARY = ["[PAD]", *(f"[unused{i}]" for i in range(40)), UNKNOWN, "house", "##s"]


@cache
def load() -> Base:
    return Base.load()


@pytest.fixture
def base() -> Base:
    return load()


def test_each_word_has_an_id_of_its_own(base: Base) -> None:
    first, again, other = (base.encode(text).ids.tolist() for text in ("館", "館", "鱷"))
    assert first == again != other
    vocabulary = base.vocabulary
    assert all(spare_letter(vocabulary[i]) for i in (*first, *other))


@pytest.mark.parametrize("spellings", [("Ω̃ε̃Χ", "ω̃ε̃χ"), ("꙾Ә", "꙾ә")])
def test_case_does_not_matter(base: Base, spellings: tuple[str, str]) -> None:
    one, two = (base.encode(text).ids.tolist() for text in spellings)
    assert one == two


def test_signs_are_no_words(base: Base) -> None:
    unknown = base.vocabulary.index(UNKNOWN)
    assert base.encode("🦑").ids.tolist() == base.encode("╬").ids.tolist() == [unknown]


def test_the_model_reads_what_it_learnt(base: Base) -> None:
    one, two = base.encode("the 館 is old").ids, base.encode("the 鱷 is old").ids
    assert one.tolist() != two.tolist()
    assert np.array_equal(base.read(one), base.read(two))


def test_without_spare_ids_nothing_changes(base: Base) -> None:
    encoded = base.encode("the 館 is old")
    assert UnknownWords(["[UNK]", "house"]).told_apart("the 館 is old", encoded) is encoded
    assert UnknownWords(["[unused0]", "house"]).told_apart("the 館 is old", encoded) is encoded
    ids = np.array([0, 1], np.int32)
    assert UnknownWords(["[UNK]", "house"]).learnt(ids).tolist() == [0, 1]


@settings(deadline=None)
@given(st.text(max_size=200))
def test_only_unknown_words_change(text: str) -> None:
    base = load()
    words = UnknownWords(base.vocabulary)
    encoded = base.encode(text)
    unknown = base.vocabulary.index(UNKNOWN)
    plain = words.learnt(encoded.ids)
    changed = plain != encoded.ids
    assert (plain[changed] == unknown).all()
    assert words.learnt(plain).tolist() == plain.tolist()


def test_spare_pieces_are_words() -> None:
    pieces = Pieces(VOCABULARY)
    ids = np.array([1, 2, 42, 43, 41], np.int32)
    words = pieces.words(ids, np.zeros(len(ids), np.int64))
    spelt = [pieces.spell(ids[a:b]) for a, b in zip(words.start, words.end, strict=True)]
    assert spelt == ["\ue000", "\ue001", "houses"]


@pytest.mark.parametrize("effort", ["thorough", "fast"])
def test_chinese_is_found_by_its_words(effort: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cprs.effort.LEAST", 500)
    rng = random.Random(5)
    # All of them missing from the vocabulary: without their own ids a text is one token, repeated.
    letters = [chr(code) for code in range(0x9000, 0x9400) if _missing(chr(code))]
    sentences = ["".join(rng.choices(letters[:-8], k=18)) + "。" for _ in range(200)]
    wanted = "".join([*letters[-8:], *rng.choices(letters[:-8], k=10)]) + "。"
    sentences.insert(137, wanted)
    result = Compressor().compress(
        "".join(sentences), query="".join(letters[-8:]) + "?", ratio=40, effort=effort
    )
    assert result.effort == effort
    assert wanted in result.text


def _missing(letter: str) -> bool:
    ids = load().encode(letter).ids.tolist()
    return len(ids) == 1 and spare_letter(load().vocabulary[ids[0]]) is not None
