"""Examples asked, answers judged: a `Scored` for each sample of each example."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cprs.errors import OptionError, unknown
from cprs.l1.eval.endpoint import Answered, Ask, Endpoint
from cprs.l1.eval.metrics import cover_match, exact_match, f1, given_answer, published_match
from cprs.l1.example import Example
from cprs.l1.prompt import TEMPLATES
from cprs.l1.reward.judge import Judge, Question

RULES = ("cover", "exact", "published")


@dataclass(frozen=True, slots=True)
class Scored:
    """One sample. `answer` is None where none could be read; `error` says why there was no
    response. `em`, `f1`, `cover` and `published` are by rule; `judge` is None where it was not
    asked, or gave no verdict though `asked`; `score` is max(rule, judge)."""

    uid: str
    source: str
    sample: int
    answer: str | None
    error: str
    finished: bool
    em: float
    f1: float
    cover: float
    published: float
    judge: float | None
    asked: bool
    score: float
    tokens_in: int | None
    tokens_out: int | None


def evaluate(
    examples: Sequence[Example],
    endpoint: Endpoint,
    *,
    samples: int = 1,
    judge: Judge | None = None,
    rule: str = "cover",
    template: str = "published",
    thinking: bool = False,
    fit: Callable[[Example], str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Scored]:
    """Ask every example `samples` times and score what comes: example by example, all samples.

    `fit` gives the context to ask about in place of an example's own. `thinking`: responses
    without an end of thinking have no answer. What fails is scored 0, never left out. Raises
    `OptionError` for a rule or template that is not known, or no samples.
    """
    if rule not in RULES:
        raise unknown("rule", rule, RULES)
    if template not in TEMPLATES:
        raise unknown("template", template, tuple(TEMPLATES))
    if samples < 1:
        raise OptionError(f"samples must be at least 1, got {samples}")
    prompts = [
        TEMPLATES[template](example, context=fit(example) if fit is not None else None)
        for example in examples
    ]
    asks = [Ask(prompt, number) for prompt in prompts for number in range(samples)]
    answered = endpoint.answers(asks, progress)
    asked = [example for example in examples for _ in range(samples)]
    answers = [
        None if one.error else given_answer(one.text, example, thinking=thinking)
        for example, one in zip(asked, answered, strict=True)
    ]
    verdicts = _verdicts(asked, answers, judge)
    return [
        _scored(example, ask.sample, one, answer, verdict, rule, thinking)
        for example, ask, one, answer, verdict in zip(
            asked, asks, answered, answers, verdicts, strict=True
        )
    ]


_Verdict = tuple[bool, "float | None"]


def _verdicts(
    examples: Sequence[Example], answers: Sequence[str | None], judge: Judge | None
) -> list[_Verdict]:
    """Whether the judge was asked, and what it said. It is not asked about what is no answer, nor
    about a choice."""
    found: list[_Verdict] = [(False, None)] * len(answers)
    if judge is None:
        return found
    places, questions = [], []
    for place, (example, answer) in enumerate(zip(examples, answers, strict=True)):
        if answer and example.kind != "choice":
            places.append(place)
            questions.append(Question(example.question, answer, example.answers))
    verdicts = asyncio.run(judge.verdicts(questions))
    for place, verdict in zip(places, verdicts, strict=True):
        found[place] = (True, None if verdict is None else float(verdict))
    return found


def _scored(
    example: Example,
    sample: int,
    one: Answered,
    answer: str | None,
    verdict: _Verdict,
    rule: str,
    thinking: bool,
) -> Scored:
    em = exact_match(answer, example) if answer else 0.0
    cover = cover_match(answer, example) if answer else 0.0
    # It reads the response by itself, and may find an answer where there is none.
    published = 0.0 if one.error else published_match(one.text, example)
    if thinking and answer is None:
        published = 0.0
    by_rule = {"cover": cover, "exact": em, "published": published}[rule]
    asked, said = verdict
    return Scored(
        uid=example.uid,
        source=example.source,
        sample=sample,
        answer=answer,
        error=one.error,
        finished=one.finished,
        em=em,
        f1=f1(answer, example) if answer else 0.0,
        cover=cover,
        published=published,
        judge=said,
        asked=asked,
        score=max(by_rule, said or 0.0),
        tokens_in=one.tokens_in,
        tokens_out=one.tokens_out,
    )
