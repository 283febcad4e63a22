"""Every task, held to the same promises."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import OptionError
from cprs.train.sets.data import Document, Question, read_documents
from cprs.train.sets.write import write_documents
from cprs.train.tasks import MIN_LENGTH, TASKS, Haystack, make_documents

SPREAD = [name for name in TASKS if name != "absent"]
OTHER_TEXT = " ".join(
    f"The {a} {b} was {c} by the {d} in spring, and Dr. Mill thought nothing of it."
    for a in ("grand", "little", "third") for b in ("mast", "lens", "cart")
    for c in ("bought", "lost", "drawn", "kept") for d in ("queen", "pilot", "tanner")
)  # fmt: skip

CODE = "".join(
    f"def fit_{n}(left, right):\n    {'deep = ' * (n % 40)}left[right]\n        return {n}\n\n"
    for n in range(200)
)
STORY = "".join(f"The {n * 7919 % 997}th of them came home. All was well.\n\n" for n in range(200))
HAYS = {"prose": None, "text": Haystack([OTHER_TEXT]), "code": Haystack([CODE, STORY])}


def _make(name: str, **options: object) -> list[Document]:
    given_ = {"seed": 5, "count": 40, "length": 3_000} | options
    return list(TASKS[name](**given_))  # type: ignore[arg-type]


def _said(document: Document, question: Question) -> list[str]:
    return [document.text[start:end] for start, end in question.evidence]


@pytest.mark.parametrize("name", TASKS)
@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    length=st.integers(MIN_LENGTH, 9_000),
    own=st.sampled_from(sorted(HAYS)),
)
def test_promises_of_every_task(name: str, seed: int, length: int, own: str) -> None:
    for document in _make(name, seed=seed, count=5, length=length, haystack=HAYS[own]):
        assert abs(len(document.text) - length) <= 0.05 * length
        assert document.text == document.text.rstrip()
        assert document.questions
        for question in document.questions:
            said = _said(document, question)
            assert list(question.evidence) == sorted(set(question.evidence))
            assert all(piece and piece == piece.strip() for piece in said)
            # Evidence answers: what is to be said stands in it.
            assert all(answer in "\n".join(said) for answer in question.answers)
            assert said or not question.answers
            assert question.text.strip()
            assert not question.labels or len(question.labels) == len(said)
            told = question.guidance()
            assert set(question.labels) <= set(told.labels)


@pytest.mark.parametrize("name", TASKS)
def test_same_seed_same_documents(name: str) -> None:
    first = _make(name, count=6)
    assert first == _make(name, count=6)
    assert [d.text for d in first] != [d.text for d in _make(name, count=6, seed=6)]
    assert len({d.id for d in first}) == 6


@pytest.mark.parametrize("name", SPREAD)
def test_evidence_at_every_depth(name: str) -> None:
    """The first place, the last place, and each fifth between."""
    firsts, lasts, fifths = [], [], set()
    for document in _make(name, length=8_000):
        size = len(document.text)
        for question in document.questions:
            for start, end in question.evidence:
                firsts.append(start)
                lasts.append(size - end)
                fifths.add(5 * start // size)
    assert fifths == {0, 1, 2, 3, 4}
    # A topic has replies after it; a heading or bracket may come before.
    assert min(firsts) <= 60
    assert min(lasts) <= (600 if name == "topic_lines" else 60)


@pytest.mark.parametrize(
    "name", ["needle", "passkey", "json_key_value", "line_records", "cloze", "extract_format"]
)
@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_depth_is_heeded(name: str, depth: float) -> None:
    for document in _make(name, count=5, length=6_000, depth=depth):
        places = [
            (start + end) / 2 / len(document.text)
            for question in document.questions
            for start, end in question.evidence
        ]
        assert min(abs(place - depth) for place in places) < 0.06


@pytest.mark.parametrize("name", TASKS)
def test_files_hold_them(name: str, tmp_path: Path) -> None:
    made = _make(name, count=4)
    path = tmp_path / f"{name}.jsonl.gz"
    write_documents(path, made)
    assert list(read_documents(path)) == made


@pytest.mark.parametrize(
    "name",
    sorted(name for name in TASKS if name != "number_string" and "labels" not in name),
)
def test_something_is_asked_in_vain(name: str) -> None:
    asked = [question for document in _make(name) for question in document.questions]
    assert any(not question.evidence for question in asked)


def test_all_tasks_in_turn() -> None:
    made = list(make_documents(["cloze", "absent"], seed=1, count=2, length=MIN_LENGTH))
    assert [d.source for d in made] == ["cloze", "cloze", "absent", "absent"]
    alone = list(TASKS["absent"](seed=1, count=2, length=MIN_LENGTH))
    assert made[2:] == alone


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"length": 999}, "length must be at least 1000"),
        ({"count": 0}, "count must be at least 1"),
        ({"depth": 1.5}, "depth must be from 0 to 1"),
    ],
)
def test_numbers_without_meaning(options: dict[str, float], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        _make("needle", **options)


def test_an_unknown_task_is_named_before_any_work() -> None:
    with pytest.raises(OptionError, match="unknown task 'hay'; known: needle, "):
        make_documents(["needle", "hay"], seed=0, count=1, length=2_000)
