"""Pages: every file is one, marks survive what is done to them, what is asked for is all there."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cprs.errors import TextError
from cprs.train.tasks import TASKS
from cprs.train.tasks.marked import Marked
from cprs.train.tasks.pages import FOLDER, OWN_ONLY, pages, read_page
from cprs.train.tasks.vary import varied
from cprs.train.tasks.wishes import WISHES

UNITS = {kind for kind, wish in WISHES.items() if wish.whole}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_every_page_is_one(path: Path) -> None:
    page = read_page(path)
    assert page.own
    assert not set(page.own) & set(WISHES)
    kinds = page.common.keys() | page.own.keys()
    for unit in (unit for paragraph in page.paragraphs for unit in paragraph):
        assert not set("{}") & set(unit.text)
        assert not unit.text.startswith("[")
        for mark in unit.marks:
            assert mark.kind in kinds
            whole = mark.kind in UNITS or (mark.kind in page.own and page.own[mark.kind].whole)
            assert whole is (mark.start == 0 and mark.end == len(unit.text)) or not whole
    for wish in page.own.values():
        assert all((*wish.one, *wish.many, *wish.labels))
        # They are quoted in instructions.
        assert not set("\"'`") & set("".join(wish.labels))


def test_what_is_left_as_it_is_stays_where_it_is() -> None:
    rng = random.Random(0)
    for page in pages():
        for unit in (unit for paragraph in page.paragraphs for unit in paragraph):
            other = varied(unit, rng)
            assert sorted(m.kind for m in other.marks) == sorted(m.kind for m in unit.marks)
            spans = [(m.start, m.end) for m in other.marks if m.end - m.start < len(other.text)]
            assert spans == sorted(spans)
            kept = unit.text, other.text
            for said, marks in zip(kept, (unit.marks, other.marks), strict=True):
                assert all(said[m.start : m.end].strip() for m in marks)
            assert _outside(unit) == _outside(other)


def test_things_change() -> None:
    unit = Marked.parse("[action] {person|Ann Lee} pays {money|$45.10} on {date|3 May 2031}.")
    drawn = {varied(unit, random.Random(seed)).text for seed in range(30)}
    assert len(drawn) > 20
    assert all(text.endswith(".") and " pays $" in text and " on " in text for text in drawn)


def test_only_what_is_all_marked_is_asked_for() -> None:
    own = {label for page in pages() for wish in page.own.values() for label in wish.labels}
    short = TASKS["page_labels"](seed=1, count=30, length=2_000)
    assert {label for d in short for q in d.questions for label in q.labels} & own
    for document in TASKS["page_kinds"](seed=1, count=12, length=2 * OWN_ONLY):
        for question in document.questions:
            for start, end in question.evidence:
                assert document.text[start:end].strip() == document.text[start:end]


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("plain", []),
        ("[question, complaint] Why?", [("question", "Why?"), ("complaint", "Why?")]),
        ("[citation needed", []),
        ("Ask {person|Ann}, {person|Bo}.", [("person", "Ann"), ("person", "Bo")]),
    ],
)
def test_marks_of_a_line(text: str, marks: list[tuple[str, str]]) -> None:
    made = Marked.parse(text)
    assert [(m.kind, made.text[m.start : m.end]) for m in made.marks] == marks


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_text("= kind without names\n\nText.\n", encoding="utf-8")
    with pytest.raises(TextError, match="not a page"):
        read_page(path)


def _outside(unit: Marked) -> list[str]:
    """What no mark within the unit covers."""
    parts, done = [], 0
    for mark in sorted(unit.marks, key=lambda m: m.start):
        if mark.end - mark.start < len(unit.text):
            parts.append(unit.text[done : mark.start])
            done = mark.end
    return [*parts, unit.text[done:]]
