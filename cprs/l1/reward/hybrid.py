"""Rule and judge together (eq. 12 to 14): r = max(r_rule, r_LLM)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from cprs.errors import OptionError, unknown
from cprs.l1.answers import answer_of
from cprs.l1.example import Example
from cprs.l1.reward.choice import choice
from cprs.l1.reward.judge import Judge, Question
from cprs.l1.reward.numeric import numeric, parse_number
from cprs.l1.reward.published import published_answer, qwenlong_l1
from cprs.l1.reward.rules import cover, exact

RULES = ("cover", "exact", "qwenlong_l1")
_LOG = logging.getLogger("cprs.l1")


@dataclass(slots=True)
class Scorer:
    """What responses are worth: 1.0 or 0.0 each.

    `rule`: `cover` or `exact` for words, with numbers compared as numbers and choices by letter,
    or `qwenlong_l1`. Right is what says any of an example's answers. With a `judge`, which is asked
    about answers that the rule does not take, the larger of both counts. `thinking`: a response
    whose thinking never ended is worth nothing. There is no reward for form.

    Where the judge gives no verdict the rule's stands; `unjudged` counts, and the first time of
    each batch a warning says so.
    """

    rule: str = "cover"
    judge: Judge | None = None
    thinking: bool = True
    unjudged: int = 0
    judged: int = field(default=0)

    def __post_init__(self) -> None:
        """Raise `OptionError` for a rule that is not known."""
        if self.rule not in RULES:
            raise unknown("rule", self.rule, RULES)

    def score(self, examples: Sequence[Example], responses: Sequence[str]) -> list[float]:
        """`score_async` where no event loop runs. Raises `OptionError` where one does."""
        if self.judge is None:
            return [
                float(self._by_rule(example, response))
                for example, response in zip(examples, responses, strict=True)
            ]
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.score_async(examples, responses))
        raise OptionError("an event loop is running: await score_async instead of calling score")

    async def score_async(
        self, examples: Sequence[Example], responses: Sequence[str]
    ) -> list[float]:
        """The worth of each response to the example of its place, the judge asked all at once."""
        pairs = list(zip(examples, responses, strict=True))
        rewards = [float(self._by_rule(example, response)) for example, response in pairs]
        if self.judge is None:
            return rewards
        open_: list[int] = []
        questions: list[Question] = []
        for number, (example, response) in enumerate(pairs):
            answer = self._answer(example, response)
            if rewards[number] < 1 and answer and example.kind != "choice":
                open_.append(number)
                questions.append(Question(example.question, answer, example.answers))
        if not questions:
            return rewards
        missing = 0
        for number, verdict in zip(open_, await self.judge.verdicts(questions), strict=True):
            if verdict is None:
                missing += 1
            else:
                rewards[number] = max(rewards[number], float(verdict))
        self.judged += len(questions) - missing
        self.unjudged += missing
        if missing:
            _LOG.warning(
                "the judge gave no verdict on %d of %d answers (%s): the rule alone decides them",
                missing,
                len(questions),
                self.judge.last_failure,
            )
        return rewards

    def _by_rule(self, example: Example, response: str) -> bool:
        if self.rule == "qwenlong_l1":
            # Their data has one answer to an example.
            return qwenlong_l1(response, example.answers[0], kind=example.kind) == 1.0
        answer = self._answer(example, response)
        return answer is not None and right(answer, example, rule=self.rule)

    def _answer(self, example: Example, response: str) -> str | None:
        if self.rule == "qwenlong_l1":
            return published_answer(response, kind=example.kind)
        return answer_of(response, kind=example.kind, thinking=self.thinking)


def right(answer: str, example: Example, *, rule: str = "cover") -> bool:
    """Whether the rule takes an answer for any of the example's (eq. 12). Numeric answers that are
    no number, such as "yes", are compared as words."""
    compare = exact if rule == "exact" else cover
    for gold in example.answers:
        if example.kind == "choice":
            same = choice(answer, gold)
        elif example.kind == "numeric" and parse_number(gold) is not None:
            same = numeric(answer, gold)
        else:
            same = compare(answer, gold)
        if same:
            return True
    return False
