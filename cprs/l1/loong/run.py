"""Loong from rows to ratings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cprs.l1.answers import OPEN, split_thinking
from cprs.l1.eval.endpoint import Answered, Ask, Endpoint
from cprs.l1.loong.prompt import LoongPrompts
from cprs.l1.loong.rating import Rated, judge_prompt, parse_rating
from cprs.l1.loong.task import Task

Progress = Callable[[int, int], None]


def rate(
    tasks: Sequence[Task],
    prompts: LoongPrompts,
    model: Endpoint,
    judge: Endpoint,
    *,
    progress: Progress | None = None,
) -> list[Rated]:
    """Ask the model every row, and the judge about every answer; thinking is not judged."""
    asked = [Ask(prompt) for prompt in prompts.of(tasks)]
    answers = [_answer(one) for one in model.answers(asked, progress)]
    return judged(tasks, answers, judge, compat=prompts.compat)


def judged(
    tasks: Sequence[Task], answers: Sequence[str], judge: Endpoint, *, compat: bool = False
) -> list[Rated]:
    """Have answers rated; "" is none, and is not sent."""
    asks = [
        Ask(judge_prompt(task, answer, compat=compat))
        for task, answer in zip(tasks, answers, strict=True)
        if answer
    ]
    said = iter(judge.answers(asks))
    return [
        Rated(task, bool(answer), _rating(next(said), compat=compat) if answer else None)
        for task, answer in zip(tasks, answers, strict=True)
    ]


def _answer(one: Answered) -> str:
    if one.error:
        return ""
    said = split_thinking(one.text)
    # What was begun and never ended is all thinking.
    return "" if not said.closed and OPEN in one.text else said.rest


def _rating(one: Answered, *, compat: bool) -> float | None:
    return None if one.error else parse_rating(one.text, compat=compat)
