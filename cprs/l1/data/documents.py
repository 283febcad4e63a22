"""Rows of DocMath, Frames, NarrativeQA and Qasper, and of LongBench, which holds several sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cprs.errors import TextError
from cprs.l1.data.multihop import titled
from cprs.l1.data.rows import Row
from cprs.l1.example import Example


def docmath(row: Row, source: str) -> Iterator[Example]:
    """DocMath-Eval's: paragraphs and tables of a report, and a number."""
    text = "\n".join(row["paragraphs"])
    gold = str(row["ground_truth"])
    uid = str(row["question_id"])
    yield Example(uid, row["question"], text, (gold,), kind="numeric", source=source)


def frames(row: Row, source: str, uid: str) -> Iterator[Example]:
    """Frames', with the articles' texts in `wiki_items`, as QwenLong-L1's evaluation keeps them:
    the public table only links to them."""
    items = row.get("wiki_items")
    if not items:
        raise TextError(
            f"Frames' question {uid} has no wiki_items: its public table holds links alone; add the"
            " articles' texts, each as a string or {title, text}"
        )
    parts = [
        (str(item.get("title", "")), str(item["text"]))
        if isinstance(item, Mapping)
        else ("", str(item))
        for item in items
    ]
    yield Example(uid, row["Prompt"], titled(parts), (str(row["Answer"]),), source=source)


def narrativeqa(row: Row, source: str, uid: str) -> Iterator[Example]:
    """NarrativeQA's as on the hub: a story, a question and two answers."""
    answers = dict.fromkeys(answer["text"] for answer in row["answers"])
    text = row["document"]["text"]
    yield Example(uid, row["question"]["text"], text, tuple(answers), source=source)


def qasper(row: Row, source: str) -> Iterator[Example]:
    """A paper of Qasper's, with all its questions but those nobody found an answer to; lists of
    objects as in its files, or objects of lists as on the hub."""
    sections = _objects(row["full_text"])
    body = [(str(s["section_name"] or ""), "\n".join(s["paragraphs"])) for s in sections]
    text = titled([(row["title"], row["abstract"]), *body])
    for asked in _objects(row["qas"]):
        given = asked["answers"]
        each = given["answer"] if isinstance(given, Mapping) else [one["answer"] for one in given]
        answers = dict.fromkeys(said for one in each if (said := _said(one)))
        if answers:
            uid = str(asked["question_id"])
            yield Example(uid, asked["question"], text, tuple(answers), source=source)


def longbench(row: Row, source: str) -> Iterator[Example]:
    """LongBench's (v1), which the paper takes five of its sets from."""
    uid = str(row["_id"])
    yield Example(uid, row["input"], row["context"], tuple(row["answers"]), source=source)


def _said(answer: Mapping[str, Any]) -> str:
    if answer.get("unanswerable"):
        return ""
    if answer.get("extractive_spans"):
        return ", ".join(answer["extractive_spans"])
    if answer.get("free_form_answer"):
        return str(answer["free_form_answer"])
    said = answer.get("yes_no")
    return "" if said is None else "Yes" if said else "No"


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, Mapping):
        return list(value)
    columns = list(value.values())
    return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
