"""Golden words, keyphrases, clauses, lines, paragraphs and sections."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cprs.errors import OptionError
from cprs.formats import segment
from cprs.formats.clauses import CLAUSE_WORDS
from cprs.formats.levels import LEVELS, canonical, split
from cprs.formats.sections import SECTION_LIMIT

# A | stands where a unit ends.
GOLDEN = {
    "word": [
        "It's |3.14|, |see |a@b.org|! |(|1,234|) |e-mail |AT&T |C++|. ",
        "end|—|start |and/or |http://x.y/z?q=1&b=2|. |“|don’t|” |$100 |50%",
        "  lead |汉|字|、|カ|タ|。|👩\u200d👩\u200d👧|👍🏽|abc |🇩🇪|🇫🇷 |क्षेत्र |한국어 |말",
    ],
    "clause": [
        "It rained, |so we left: |late; |very late. |Then — |home–|ward, |1,000 km.",
        "他说，|你好：|再见。|好",
        "w " * CLAUSE_WORDS + "|" + "w " * CLAUSE_WORDS + "|w",
    ],
    "line": ["a\n|\n|b\r\n|c\r|d\u2028|e\u2029|f", "a\n|\n|\n"],
    "paragraph": [
        "One\ntwo.\n\n|Three.\n \n\n|Four",
        "\n\nOne\n\n|two",
        "Head\n" + "x " * 80 + "\n|next\n",
    ],
    "section": [
        "Preface.\n\n|1. Scope\n\nAll of it.\n\n|2. Terms\n\nNone.",
        "CHAPTER ONE\n\nText.\n\nMore.\n\n|Chapter 2: The Return\n\nText.",
        "Intro.\n\n|Usage\n=====\n\nText.\n\n|Notes\n-----\n\nText.",
        "One.\n\nTwo.\n\n\n\n|Three.",
        "第一章 开始\n\n文字。\n\n|第二章 结束\n\n文字。",
    ],
}
CASES = [(level, marked) for level, samples in GOLDEN.items() for marked in samples]


@pytest.mark.parametrize(("level", "marked"), CASES)
def test_golden(level: str, marked: str) -> None:
    text = marked.replace("|", "")
    bounds = split(text, level).tolist()
    assert [text[a:b] for a, b in pairwise(bounds)] == marked.split("|")


def test_keyphrases_are_runs_of_content_words() -> None:
    text = "The climate change committee of the United Nations met; 联合国的会议"
    units = segment(text, format="text", granularity="keyphrase").units
    phrases = [text[u.start : u.end].strip() for u in units if u.kind == "keyphrase"]
    assert phrases == ["climate change committee", "United Nations met", "联合国", "会议"]
    assert "".join(text[u.start : u.end] for u in units) == text


def test_sections_without_headings_are_paragraphs_up_to_a_limit() -> None:
    text = ("word " * 100 + "end.\n\n") * 30
    bounds = split(text, "section")
    sizes = (bounds[1:] - bounds[:-1]).tolist()
    assert max(sizes) <= SECTION_LIMIT
    assert min(sizes[:-1]) > SECTION_LIMIT // 2
    assert set(bounds.tolist()) <= set(split(text, "paragraph").tolist())


def test_unknown_level_lists_the_known() -> None:
    with pytest.raises(OptionError, match=f"unknown level 'page'; known: {', '.join(LEVELS)}"):
        split("a", "page")


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("sentences", "sentence"),
        ("Phrases", "keyphrase"),
        ("key-phrase", "keyphrase"),
        ("entries", "entry"),
        ("rows", "entry"),
        ("chapter", "section"),
        ("class", None),
        ("page", None),
    ],
)
def test_other_names_of_granularities(word: str, means: str | None) -> None:
    assert canonical(word, ("sentence", "keyphrase", "entry", "section")) == means


def test_punctuation_among_the_words_does_not_make_a_clause_longer() -> None:
    text = "function a(){return 1}" * 50
    bounds = split(text, "clause").tolist()
    # Four words in 22 characters, 16 words in a clause.
    assert max(b - a for a, b in pairwise(bounds)) <= 4 * 22
