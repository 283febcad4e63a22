"""Question sets written and read again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import CprsError, OptionError, TextError
from cprs.train.sets.data import Document, Question, read_documents
from cprs.train.sets.write import write_documents

TEXT = "Ann sat.\r\nBob ran.\u2028\ud800 end"
QUESTIONS = (
    Question("Who ran?", ((10, 18),), ("Bob",), "sentence"),
    Question("Who flew?", ()),
    Question(
        "Tag runners with 'r'.", ((0, 3), (10, 13)), (), "span", "Tag runners with 'r'.", ("s", "r")
    ),
    Question("Who sat?", ((0, 8),), (), "line", "Extract the line."),
)
DOCUMENT = Document("7", "made", TEXT, QUESTIONS, domain="test", context="alone")


@pytest.mark.parametrize("name", ["made.jsonl", "made.jsonl.gz"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert write_documents(path, [DOCUMENT, replace(DOCUMENT, id="8")]) == (2, 8)
    first, second = read_documents(path)
    assert first == DOCUMENT
    assert second.id == "8"
    assert first.questions[2].query == ""
    assert first.questions[2].guidance().labels == ("r",)
    assert first.questions[3].guidance().granularity == "line"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(1, 5), st.text()), max_size=5))
def test_labels_follow_their_spans(
    tmp_path_factory: pytest.TempPathFactory, marks: list[tuple[int, int, str]]
) -> None:
    path = tmp_path_factory.mktemp("w") / "a.jsonl"
    spans = tuple((start, start + size) for start, size, _ in marks)
    labels = tuple(label for _, _, label in marks)
    asked = Question("q", spans, labels=labels)
    write_documents(path, [Document("1", "a", "x" * 24, (asked,))])
    (read,) = read_documents(path)
    (question,) = read.questions
    assert list(question.evidence) == sorted(spans)
    assert sorted(zip(question.evidence, question.labels, strict=True)) == sorted(
        zip(spans, labels, strict=True)
    )


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"]
    for path in paths:
        write_documents(path, [DOCUMENT])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("before")

    def broken() -> Iterator[Document]:
        yield DOCUMENT
        raise TextError("no more")

    with pytest.raises(TextError, match="no more"):
        write_documents(path, broken())
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]


def test_bad_names(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"NAME\.jsonl"):
        write_documents(tmp_path / "a.json", [DOCUMENT])
    with pytest.raises(CprsError, match="cannot be written"):
        write_documents(tmp_path / "none" / "a.jsonl", [DOCUMENT])


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ('{"q": "", "ev": []}', "'q' is empty"),
        ('{"q": "x", "ev": [[0, 1]], "labels": ["a", "b"]}', "2 'labels' for 1 evidence"),
        ('{"ev": []}', "missing 'q'"),
    ],
)
def test_bad_questions_are_named(tmp_path: Path, asked: str, says: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"id": 1, "text": "abc", "qas": [{asked}]}}\n')
    with pytest.raises(TextError, match=rf"a\.jsonl:1: .*{says}"):
        list(read_documents(path))
