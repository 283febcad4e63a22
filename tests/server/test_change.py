"""Plans carried out: what goes on, what is refused, what takes the place of what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from cprs_server.change import LEFT_OUT, Change, carry_out, grouped, shares
from cprs_server.errors import ProxyError
from cprs_server.planning.base import Options, Piece, Plan, Target
from cprs_server.running.base import Done, Job
from cprs_server.wire.base import Conversation, Text

TEXTS = ("one two three", "four five", '{"a": [1, 2]}')
TALK = Conversation(
    "chat", "m", False, tuple(Text(("p", n), text, "document", 0) for n, text in enumerate(TEXTS))
)
PIECES = (
    Piece(0, 0, 13, "who?", 30),
    Piece(1, 0, 9, "who?", 20),
    Piece(2, 0, 13, "who?", 50, format="json"),
)
PLAN = Plan(
    "compress",
    "over_trigger",
    Options(),
    Target("m", 1000, ""),
    pieces=PIECES,
    budget=50,
    tokens_in=120,
    room=100,
)


class Runs:
    """A runner that gives fixed texts, or fails."""

    def __init__(self, said: dict[str, str], error: ProxyError | None = None) -> None:
        self.said, self.error = said, error
        self.jobs: list[Job] = []

    async def run(self, job: Job, *, deadline: float | None = None) -> Done:
        return (await self.run_all([job], deadline=deadline))[0]

    async def run_all(self, jobs: Sequence[Job], *, deadline: float | None = None) -> list[Done]:
        self.jobs += jobs
        if self.error is not None:
            raise self.error
        return [
            Done(tuple(self.said[t] for t in job.texts), (), 10 * len(job.texts), 4, 0, 0, "c")
            for job in jobs
        ]


def done(plan: Plan, said: dict[str, str], error: ProxyError | None = None) -> tuple[Change, Runs]:
    runs = Runs(said, error)
    return asyncio.run(carry_out(plan, TALK, runs, count=len)), runs


def test_texts_of_one_question_share_and_json_stands_alone() -> None:
    change, runs = done(PLAN, {TEXTS[0]: "two", TEXTS[1]: "", TEXTS[2]: '{"a": []}'})
    assert [job.texts for job in runs.jobs] == [TEXTS[:2], TEXTS[2:]]
    assert [job.budget for job in runs.jobs] == [25, 25]
    assert [(edit.path[1], edit.text) for edit in change.edits] == [
        (0, "two"),
        (1, LEFT_OUT),
        (2, '{"a": []}'),
    ]
    assert change.tokens_out == 120 - (20 - 4) - (10 - 4)


def test_forms_from_before_are_used_as_they_are() -> None:
    kept = replace(PIECES[0], kept="one")
    change, runs = done(replace(PLAN, pieces=(kept,)), {})
    assert runs.jobs == []
    assert change.edits[0].text == "one"
    assert change.tokens_out == 120 - (30 - len("one"))


def test_an_audit_measures_and_changes_nothing() -> None:
    audit = replace(PLAN, decision="forward", reason="audit", pieces=PIECES[:1])
    change, _ = done(audit, {TEXTS[0]: "two"})
    assert (change.decision, change.edits) == ("audit", ())
    assert change.tokens_out < change.tokens_in


@pytest.mark.parametrize(
    ("room", "status", "code", "outcome"),
    [
        (200, 504, "deadline", "failed_deadline"),
        (200, 400, "budget", "failed_budget"),
        (100, 504, "deadline", 413),
        (100, 400, "budget", 413),
        (200, 400, "invalid_option", 400),
        (200, 429, "queue_full", 429),
        (None, 500, "fault", "failed_fault"),
    ],
)
def test_failures(room: int | None, status: int, code: str, outcome: int | str) -> None:
    plan, error = replace(PLAN, room=room), ProxyError(status, "no", code=code)
    if isinstance(outcome, str):
        change, _ = done(plan, {}, error)
        assert (change.decision, change.reason, change.edits) == ("forward", outcome, ())
        return
    with pytest.raises(ProxyError) as failed:
        done(plan, {}, error)
    assert failed.value.status == outcome
    if outcome == 413:
        assert "120" in failed.value.message
        assert "100" in failed.value.message


def test_a_plan_that_refuses() -> None:
    with pytest.raises(ProxyError, match="120 tokens"):
        done(replace(PLAN, decision="refuse", notes=("it must stay whole",)), {})


def test_shares_follow_the_tokens() -> None:
    assert shares(grouped(PIECES), 10) == [5, 5]
    assert shares(grouped(PIECES[:2]), None) == [None]
