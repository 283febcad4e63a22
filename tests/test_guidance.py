from __future__ import annotations

import pytest

from cprs import Guidance, OptionError

FACT = (
    "You are an expert for information extraction, your task is to extract some sentences from "
    "the documents as the supporting facts of the user's question.\n"
    "## tagging rule:\n- tag the supporting facts with 'fact'"
)


def test_a_published_control_prompt() -> None:
    guidance = Guidance.parse(FACT, "Who chaired?")
    assert guidance.labels == ("fact",)
    assert guidance.granularity == "sentence"
    assert guidance.inferred
    assert guidance.question == "Who chaired?"


@pytest.mark.parametrize(
    ("instruction", "labels"),
    [
        ("Extract every error line. Tag them with 'error'.", ("error",)),
        ("Find needles.\n- tag the needles with 'needle'\n- tag names with \"name\"",
         ("needle", "name")),
        ("Mark each date as “date”", ("date",)),
        ("Label amounts `sum`", ()),
        ("Tag the people's names with 'person'.", ("person",)),
        ("Tag dates with 'date', people with 'person' and sums as `sum`.",
         ("date", "person", "sum")),
        ("Label what’s late as 'late'. The word with 'no' stays.", ("late",)),
        ("把证据标注为“证据”", ("证据",)),
        ("Say who the author of 'Emma' is", ()),
    ],
)  # fmt: skip
def test_labels(instruction: str, labels: tuple[str, ...]) -> None:
    assert Guidance.parse(instruction).labels == labels


@pytest.mark.parametrize(
    ("instruction", "level"),
    [
        ("Extract every error line", "line"),
        ("Keep the paragraphs about taxes", "paragraph"),
        ("List key phrases", "keyphrase"),
        ("keywords", "keyphrase"),
        ("Which functions parse dates?", "function"),
        ("An online deadline for headlines", None),
        ("提取相关句子", "sentence"),
    ],
)
def test_granularity_from_words(instruction: str, level: str | None) -> None:
    assert Guidance.parse(instruction).granularity == level


def test_the_query_does_not_set_the_granularity() -> None:
    assert Guidance.parse(None, "Which paragraph mentions rent?").granularity is None


def test_the_caller_wins() -> None:
    guidance = Guidance.parse(FACT, "q", labels=["fact"], granularity="word")
    assert (guidance.granularity, guidance.inferred) == ("word", False)


def test_without_anything_to_look_for() -> None:
    with pytest.raises(OptionError, match="give a query, an instruction, or both"):
        Guidance.parse("  ", "\n")


def test_an_unknown_label_lists_the_known() -> None:
    with pytest.raises(OptionError, match=r"unknown label 'needle'; known: fact"):
        Guidance.parse(FACT, labels=["needle"])
