"""What is kept of nothing: counted, averaged, shown."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from cprs.critics.base import State, TokenScores
from cprs.critics.lexical import LexicalCritic
from cprs.errors import OptionError
from cprs.guidance import Guidance
from cprs.train.measure.empty import QUESTIONS, EmptyReport, keep_of_nothing
from cprs.train.tasks.haystack import Haystack
from cprs.windows import Window


class Greedy(LexicalCritic):
    """Is sure of everything."""

    name = "greedy"
    warnings: tuple[str, ...] = ()

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Greedy:
        return self

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        return [TokenScores(np.ones(len(window), np.float32)) for window in windows]


class Silent(Greedy):
    """Is sure of nothing."""

    name = "silent"

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        return [TokenScores(np.zeros(len(window), np.float32)) for window in windows]


def test_everything_and_nothing() -> None:
    kept = keep_of_nothing([Greedy(), Silent()], tokens=[1_000], questions=QUESTIONS[:3])
    assert [k.share for k in kept] == [1, 1, 1, 0, 0, 0]
    report = EmptyReport(tuple(kept))
    assert report.most == 1
    assert [line.split()[0] for line in report.text().splitlines()] == [
        "critic",
        "greedy",
        "silent",
    ]
    data = json.loads(report.json())
    assert [row["mean"] for row in data["shares"]] == [1, 0]
    assert len(data["questions"]) == 6
    assert report.text(verbose=True).count("tokens, 100.000%: ") == 3


def test_what_was_kept_is_shown() -> None:
    own = Haystack([("Nobody minds the weather. " * 12 + "The otter sleeps. ") * 9])
    (one,) = keep_of_nothing(
        [LexicalCritic()], tokens=[1_000], questions=["otter sleeps"], haystack=own
    )
    assert 0 < one.share < 0.2
    assert "otter" in one.text
    assert "weather" not in one.text


def test_no_question_is_an_error() -> None:
    with pytest.raises(OptionError, match="question"):
        keep_of_nothing([LexicalCritic()], tokens=[1_000], questions=[])
    with pytest.raises(OptionError, match="1000 tokens"):
        keep_of_nothing([LexicalCritic()], tokens=[10])
