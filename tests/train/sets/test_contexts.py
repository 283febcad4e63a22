"""Long contexts: evidence stays where it is, everything follows from the seed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import OptionError
from cprs.train.sets.contexts import build_contexts, is_alone
from cprs.train.sets.data import Document, Question
from cprs.train.sets.synthetic import make_documents


def _documents(count: int, *, context: str = "", source: str = "mine") -> list[Document]:
    documents = []
    for number in range(count):
        fact = f"Fact {number} is {number * 7}."
        text = f"Some words first. {fact} And some after."
        start = text.index(fact)
        question = Question(f"What is fact {number}?", ((start, start + len(fact)),))
        documents.append(Document(str(number), source, text, (question,), context=context))
    return documents


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(1, 30),
    size=st.integers(50, 1500),
    seed=st.integers(0, 5),
    context=st.sampled_from(["alone", "joined"]),
)
def test_evidence_is_the_same_text_in_its_context(
    count: int, size: int, seed: int, context: str
) -> None:
    hay = "Unrelated words.\n\nMore of them. " * 60
    documents = _documents(count, context=context)
    asked = 0
    for built in build_contexts(documents, haystack=hay, queries=10, size=size, seed=seed):
        for question in built.questions:
            number = question.text.split()[-1].rstrip("?")
            ((start, end),) = question.evidence
            assert built.text[start:end] == f"Fact {number} is {int(number) * 7}."
            asked += 1
    assert asked == min(10, count)


def test_contexts_have_the_size_asked_for() -> None:
    hay = "Unrelated words.\n\n" * 2000
    (joined,) = build_contexts(_documents(200), queries=12, size=5_000)
    assert 4_500 <= len(joined.text) <= 5_500
    alone = list(
        build_contexts(_documents(3, context="alone"), haystack=hay, queries=3, size=5_000)
    )
    assert [len(context.text) for context in alone] == pytest.approx([5_000] * 3, abs=10)


def test_same_seed_same_contexts() -> None:
    build = [list(build_contexts(_documents(40), queries=5, size=900, seed=s)) for s in (1, 1, 2)]
    assert build[0] == build[1] != build[2]


def test_unanswerable_questions_are_asked_only_on_request() -> None:
    silent = Document("1", "mine", "Nothing.", (Question("What?", ()),))
    unknown = Document("2", "mine", "Unsure.", (Question("Who?", (), level="answer-only"),))
    assert list(build_contexts([silent, unknown])) == []
    (context,) = build_contexts([silent, unknown], negatives=True)
    assert [question.text for question in context.questions] == ["What?"]


def test_alone_without_a_haystack_says_so() -> None:
    documents = _documents(1, source="qmsum")
    assert is_alone(documents[0])
    with pytest.raises(OptionError, match="haystack"):
        list(build_contexts(documents))


def test_synthetic_evidence_answers() -> None:
    for document in make_documents(count=18, seed=3):
        assert document.questions
        for question in document.questions:
            lines = [document.text[a:b] for a, b in question.evidence]
            assert all("\n" not in line and line in document.text.split("\n") for line in lines)
            if document.source == "synthetic_lookup":
                assert all(answer in lines[0] for answer in question.answers)
    assert list(make_documents(count=4, seed=3)) == list(make_documents(count=4, seed=3))


def test_a_whole_document_is_asked_over_itself_alone() -> None:
    documents = _documents(3, context="whole")
    contexts = list(build_contexts(documents, queries=3, size=5_000))
    assert {context.text for context in contexts} <= {document.text for document in documents}
    for context in contexts:
        (document,) = [d for d in documents if d.text == context.text]
        assert set(context.questions) <= set(document.questions)
