"""Sheets: everything asked for is there, once, at its depth, and the budget holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from cprs.errors import OptionError
from cprs.train.tasks.haystack import Haystack
from cprs.train.tasks.hidden import HIDDEN_TASKS, Order, Sheet, sheets


def _count(text: str) -> int:
    """About the tokens of a subword tokenizer."""
    return len(text) // 5 + 1


def _order(tokens: int = 4_000, **options: object) -> Order:
    return Order(tokens=tokens, count=_count, **({"ratio": 50.0, "depths": 3} | options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def small() -> list[Sheet]:
    return list(sheets(_order()))


@pytest.fixture(scope="module")
def large() -> list[Sheet]:
    return list(sheets(_order(30_000)))


@pytest.mark.parametrize("size", ["small", "large"])
def test_every_task_is_asked_once_at_every_depth(size: str, request: pytest.FixtureRequest) -> None:
    made: Sequence[Sheet] = request.getfixturevalue(size)
    asked = Counter((hidden.task, hidden.depth) for sheet in made for hidden in sheet.hidden)
    assert asked == {(task, depth): 1 for task in HIDDEN_TASKS for depth in (0, 0.5, 1)}


@pytest.mark.parametrize("size", ["small", "large"])
def test_evidence_holds_the_answers_and_fits(size: str, request: pytest.FixtureRequest) -> None:
    made: Sequence[Sheet] = request.getfixturevalue(size)
    tokens = 4_000 if size == "small" else 30_000
    for sheet in made:
        assert abs(_count(sheet.text) - tokens) < 0.05 * tokens
        for hidden in sheet.hidden:
            said = [sheet.text[a:b] for a, b in hidden.question.evidence]
            assert sum(_count(text) for text in said) <= tokens / 50
            assert all(text.strip() == text for text in said)
            for answer in hidden.question.answers:
                assert any(answer in text for text in said), hidden
                # What is passed on is said again, where it is passed on.
                elsewhere = sheet.text.count(answer) - sum(text.count(answer) for text in said)
                assert elsewhere == 0, hidden


def test_the_first_and_the_last_depth_are_the_ends(large: list[Sheet]) -> None:
    for sheet in large:
        for hidden in sheet.hidden:
            near = hidden.depth * len(sheet.text)
            # Of several spans, one lies there.
            away = min(abs(end - near) for span in hidden.question.evidence for end in span)
            assert away < 0.03 * len(sheet.text), hidden


def test_sheets_with_room_differ_in_one_place_only(large: list[Sheet]) -> None:
    first, second, *_ = (sheet for sheet in large if sheet.kind == "prose")
    # One is at the start and one in the middle: after the middle nothing differs.
    half = len(first.text) * 4 // 10
    assert first.text[-half:] == second.text[-half:]
    assert first.text[:100] != second.text[:100]
    assert len(first.hidden) > len(second.hidden) == 2


def test_few_tasks_need_few_texts() -> None:
    made = list(sheets(_order(30_000, tasks=("needle_word", "lines"))))
    assert [(sheet.kind, len(sheet.hidden)) for sheet in made] == [("prose", 3), ("lines", 3)]


def test_the_seed_decides(small: list[Sheet]) -> None:
    assert list(sheets(_order())) == small
    assert next(sheets(_order(seed=1))).text != small[0].text


def test_a_haystack_of_ones_own() -> None:
    own = Haystack(["The captain of nothing at all wrote a letter. " * 20])
    sheet = next(sheets(_order(tasks=("passkey",), depths=1, haystack=own)))
    ((start, end), _) = sheet.hidden[0].question.evidence
    around = sheet.text[:start] + sheet.text[end:]
    assert around.count("captain of nothing") > 300
    assert 0.4 < start / len(sheet.text) < 0.6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tokens": 10}, "at least 1000 tokens"),
        ({"ratio": 0.5}, "ratio"),
        ({"depths": 0}, "depths"),
        ({"tasks": ("hay",)}, "unknown task 'hay'; known: needle_word"),
        ({"ratio": 1_000.0}, r"leave 4, and '\w+' needs \d+: ask for \d+ tokens"),
    ],
)
def test_bad_orders_are_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        list(sheets(_order(**options)))  # type: ignore[arg-type]
