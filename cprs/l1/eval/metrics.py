"""What an answer is worth by rule, and what several of one question are worth together."""

from __future__ import annotations

from collections import Counter
from math import comb

from cprs.errors import OptionError
from cprs.l1.answers import CLOSE, OPEN, answer_of
from cprs.l1.example import Example
from cprs.l1.reward.hybrid import right
from cprs.l1.reward.published import qwenlong_l1
from cprs.l1.reward.rules import words


def given_answer(response: str, example: Example, *, thinking: bool = False) -> str | None:
    """The answer in a response. One whose thinking was begun and never ended has none; with
    `thinking`, as in training, one that never ended any."""
    return answer_of(response, kind=example.kind, thinking=thinking or OPEN in response)


def exact_match(answer: str, example: Example) -> float:
    """1.0 where the answer is one of the example's, word for word; numbers as numbers, choices by
    letter."""
    return float(right(answer, example, rule="exact"))


def cover_match(answer: str, example: Example) -> float:
    """1.0 where one of the example's answers lies in this one (`cprs.l1.reward.rules.cover`)."""
    return float(right(answer, example, rule="cover"))


def f1(answer: str, example: Example) -> float:
    """SQuAD's F1 of words, of the gold answer that it is best with: 2PR / (P + R), where P is the
    share of the answer's words that are gold and R that of the gold words given. Choices count
    whole or not at all."""
    if example.kind == "choice":
        return exact_match(answer, example)
    return max(_f1(words(answer), words(gold)) for gold in example.answers)


def published_match(response: str, example: Example) -> float:
    """What the released rule gives, flaws and all, to the first of the answers. As the released
    evaluation does, it reads the whole of a response without thinking."""
    whole = response if CLOSE in response else CLOSE + response
    return qwenlong_l1(whole, example.answers[0], kind=example.kind)


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """The unbiased estimate of the chance that one of k samples is right, of `samples` of which
    `correct` were: 1 - C(n - c, k) / C(n, k) (Chen et al., arXiv 2107.03374, eq. 1).

    >>> pass_at_k(4, 1, 2)
    0.5
    """
    if not 0 <= correct <= samples or not 1 <= k <= samples:
        raise OptionError(f"pass@{k} of {samples} samples, {correct} right: there is no such thing")
    return 1.0 - comb(samples - correct, k) / comb(samples, k)


def _f1(given: list[str], wanted: list[str]) -> float:
    same = sum((Counter(given) & Counter(wanted)).values())
    if not same:
        return 0.0
    precision, recall = same / len(given), same / len(wanted)
    return 2 * precision * recall / (precision + recall)
