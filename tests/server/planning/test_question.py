from __future__ import annotations

import time

import pytest
from cprs_server.planning.question import QUERY, find
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt_documents import (
    CHINESE,
    CODE,
    CONTRACT,
    CSV,
    EMAIL,
    FAQ,
    JSON,
    LOG,
    MARKDOWN,
    REPORT,
    STORY,
    TRANSCRIPT,
)
from prompts import PROMPTS, Prompt


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
def test_prompts_are_taken_apart(prompt: Prompt) -> None:
    text, found = prompt.text, find(prompt.text)
    assert found.task == prompt.task, found
    for start, end in prompt.ranges("q"):
        asked = [text[a:b] for a, b in found.documents if a < end and b > start]
        assert not asked, f"of {text[start:end]!r} may be compressed: {asked[0][:80]!r}"
    for start, end in prompt.ranges("d"):
        covered = sum(max(0, min(b, end) - max(a, start)) for a, b in found.documents)
        assert covered >= 0.9 * (end - start), f"only {covered} of {end - start}: {found}"
    words = found.query.split()
    for word in prompt.query:
        assert any(word.lower() in each.lower() for each in [*words, found.query]), found.query
    for word in prompt.not_query:
        assert word not in words, found.query


QUESTIONS = (
    "Who moved to repair the breakwater?",
    "Which of the clauses limits what the supplier has to pay?",
    "Please find every sum of money that is mentioned.",
    "List the people who spoke, with the time of their first words.",
    "I am new here. What happened on Sunday, and why was nobody told?",
    "When was the crane taken into service? Answer in one short sentence.",
    "Question: What did the woman bring?\nAnswer:",
    "你能告诉我会议由谁主持吗？",
    "Warum kam das Boot zur Insel?",
)
DOCUMENTS = (
    REPORT,
    STORY,
    LOG,
    CODE,
    EMAIL,
    TRANSCRIPT,
    CONTRACT,
    MARKDOWN,
    CSV,
    JSON,
    FAQ,
    CHINESE,
)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.sampled_from(DOCUMENTS), min_size=1, max_size=3),
    st.sampled_from(QUESTIONS),
    st.sampled_from(("\n\n", "\n\n\n", "\n \n", "\n\n---\n\n", "\r\n\r\n")),
    st.booleans(),
)
def test_a_question_of_its_own_paragraph_is_never_in_a_document(
    documents: list[str], question: str, between: str, first: bool
) -> None:
    held = "\n\n".join(documents)
    text = question + between + held if first else held + between + question
    start = text.find(question)
    start = start if first else len(text) - len(question)
    found = find(text)
    assert found.task == "question"
    assert all(b <= start or a >= start + len(question) for a, b in found.documents)
    kept = sum(b - a for a, b in found.documents)
    assert kept >= 0.6 * len(held)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300) | st.text("<>/docaq:?\n`\"' .", max_size=300))
def test_any_text_is_taken_apart_in_order(text: str) -> None:
    found = find(text)
    assert len(found.query) <= QUERY
    end = 0
    for a, b in found.documents:
        assert end <= a < b <= len(text)
        end = b


@pytest.mark.parametrize(
    "text",
    [
        "[" * 2_000_000,
        " " * 2_000_000 + "a",
        "Question: a\n" * 100_000,
        "<doc>" * 400_000,
        "</a " * 500_000,
        "```\n" * 500_000,
        "a " * 2_000 + "answer" + " " * 3_500 + "x",
        "<prompt>" + REPORT * 1_000 + "</prompt>",
    ],
    ids=lambda text: text[:10].strip(),
)
def test_time_does_not_grow_faster_than_the_text(text: str) -> None:
    started = time.process_time()
    find(text)
    assert time.process_time() - started < 3
