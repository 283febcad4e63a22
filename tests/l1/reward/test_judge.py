"""The judge: asked once per question, tried again, never a zero where it is silent."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="needs cprs[l1]")

from model_endpoint import chat, serving

from cprs.errors import OptionError, TextError
from cprs.l1.example import Example
from cprs.l1.reward.hybrid import Scorer
from cprs.l1.reward.judge import Judge, Question, parse_verdict

ASKED = Question("Where?", "the city of light", ("Paris",))
EXAMPLE = Example("a", "Where?", "a text", ("Paris",))


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("Both name it.\n[[YES]]", True),
        ("Both name it.\n\n [[yes]] \n", True),
        ("They differ.\n[[NO]]", False),
        ("<think>[[YES]] or [[NO]]?</think>They differ.\n[[NO]]", False),
        ("[[NO]] at first, but then\n[[YES]]", None),
        ("The verdict is [[YES]].", None),
        ("YES", None),
        ("A YES would be wrong here: NO", None),
        ("[[MAYBE]]", None),
        ("[[YES]]\nI am sure.", None),
        ("", None),
    ],
)
def test_a_verdict_is_the_last_line_or_none(said: str, verdict: bool | None) -> None:
    assert parse_verdict(said) is verdict


def ask(judge: Judge, questions: list[Question]) -> list[bool | None]:
    return asyncio.run(judge.verdicts(questions))


def test_each_question_is_asked_once_and_what_it_came_to_is_kept(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert path == "/v1/chat/completions"
        seen.append(body)
        user = body["messages"][1]["content"]
        return 200, chat("Same.\n[[YES]]" if "light" in user else "Other.\n[[NO]]")

    other = Question("Where?", "Rome", ("Paris",))
    cache = tmp_path / "verdicts.jsonl"
    with serving(answer) as url:
        judge = Judge(url, "m", cache=cache, extra={"seed": 42})
        assert ask(judge, [ASKED, other, ASKED]) == [True, False, True]
        assert ask(judge, [ASKED]) == [True]
    assert len(seen) == 2
    assert seen[0]["temperature"] == 0
    assert seen[0]["seed"] == 42
    assert judge.counts.asked == 2
    cache.write_text(cache.read_text() + '{"key": "cut')  # killed while writing
    later = Judge("http://127.0.0.1:9/v1", "m", cache=cache)
    assert ask(later, [ASKED, other]) == [True, False]
    assert later.counts.asked == 0


def test_a_busy_judge_is_asked_again() -> None:
    tries = []

    def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        tries.append(path)
        if len(tries) < 3:
            return 429, {"error": {"message": "busy"}}
        return 200, chat("[[YES]]")

    with serving(answer) as url:
        assert ask(Judge(url, "m", retries=3), [ASKED]) == [True]
    assert len(tries) == 3


def test_a_judge_that_is_down_leaves_the_rule_and_says_so(caplog: Any) -> None:
    responses = ["</think>the answer is Rome", "</think>the answer is Paris", "nothing"]
    judge = Judge("http://127.0.0.1:9/v1", "m", retries=0, timeout=5)
    scorer = Scorer(judge=judge)
    with caplog.at_level(logging.WARNING, "cprs.l1"):
        assert scorer.score([EXAMPLE] * 3, responses) == [0, 1, 0]
    assert (scorer.unjudged, scorer.judged, judge.counts.failed) == (1, 0, 1)
    assert "no verdict on 1 of 1" in caplog.text


def test_rule_and_judge_the_larger_of_both_counts() -> None:
    """Eq. (14): max(0, 1), max(1, -), max(0, 0); choices and silence are never asked about."""
    seen = []

    def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        seen.append(body["messages"][1]["content"])
        return 200, chat("[[YES]]" if "light" in seen[-1] else "[[NO]]")

    pick = Example("c", "Which?", "", ("B",), kind="choice")
    examples = [EXAMPLE, EXAMPLE, EXAMPLE, pick, EXAMPLE]
    told = ("the city of light", "Paris", "Rome", "A")
    responses = [f"</think>the answer is {answer}" for answer in told] + ["no idea"]
    with serving(answer) as url:
        scorer = Scorer(judge=Judge(url, "m"))
        assert scorer.score(examples, responses) == [1, 1, 0, 0, 0]

        async def inside() -> None:
            with pytest.raises(OptionError, match="await score_async"):
                scorer.score([EXAMPLE], ["x"])

        asyncio.run(inside())
    assert len(seen) == 2
    assert scorer.judged == 2


def test_what_is_no_cache_and_what_is_no_judge() -> None:
    with pytest.raises(OptionError, match="concurrency of at least 1"):
        Judge("http://127.0.0.1:9/v1", "m", concurrency=0)


def test_a_cache_of_something_else_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")
    with pytest.raises(TextError, match="holds no verdicts"):
        Judge("http://127.0.0.1:9/v1", "m", cache=path)
