"""Finding what is hidden: a critic that can does, one that cannot does not, and each is told."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from cprs.assemble import Span
from cprs.critics.base import State, TokenScores
from cprs.critics.embedded import EmbeddedCritic
from cprs.critics.lexical import LexicalCritic
from cprs.errors import OptionError
from cprs.guidance import Guidance
from cprs.result import Compressed
from cprs.train.measure.needles import covered, find_needles
from cprs.train.measure.needles_report import NeedleReport
from cprs.train.sets.data import Question
from cprs.windows import Encoded, Window

FINDABLE = ("needle_word", "needle_number", "needle_uuid", "multikey", "key_value", "lines")


class Broken(LexicalCritic):
    """Wants the first passage of every window, whatever is asked."""

    name = "broken"
    warnings: tuple[str, ...] = ()

    def encode(self, text: str) -> Encoded:
        return LexicalCritic().encode(text)

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Broken:
        return self

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        def first(window: Window) -> TokenScores:
            keep = np.full(len(window), 0.1, np.float32)
            keep[: window.units[0, 1]] = 0.9
            return TokenScores(keep)

        return [first(window) for window in windows]


def test_words_are_found_by_words() -> None:
    outcomes = find_needles(
        [LexicalCritic(), Broken()], tokens=[2_000], ratio=20, depths=3, tasks=FINDABLE
    )
    lexical = NeedleReport(tuple(o for o in outcomes if o.critic == "lexical-1"))
    broken = NeedleReport(tuple(o for o in outcomes if o.critic == "broken"))
    assert lexical.least == 1.0, lexical.text(verbose=True)
    assert not lexical.failures
    assert broken.least == 0.0
    assert len(broken.failures) > len(broken.outcomes) // 2
    for outcome in outcomes:
        assert outcome.ratio >= 20
        assert abs(outcome.tokens_in - 2_000) < 200
    missed = broken.failures[0]
    assert missed.missed
    assert missed.instead


def test_the_embedded_critic_reads_a_text_once() -> None:
    outcomes = find_needles(
        [EmbeddedCritic.load()], tokens=[1_500], ratio=20, depths=2, tasks=("needle_number",)
    )
    assert [outcome.found for outcome in outcomes] == [True, True]


def test_the_table_and_the_numbers() -> None:
    tasks = ("needle_word", "lines")
    outcomes = find_needles([Broken()], tokens=[1_000, 2_000], ratio=10, depths=2, tasks=tasks)
    report = NeedleReport(tuple(outcomes))
    head, first, *_ = (line.split() for line in report.text().splitlines())
    assert head == ["critic", "task", "1,000", "2,000"]
    assert first[:2] == ["broken", "needle_word"]
    assert first[2].endswith("/2")
    assert "missed: " not in report.text()
    assert report.text(verbose=True).count("asked: ") == len(report.failures)
    data = json.loads(report.json())
    assert len(data["questions"]) == 8
    assert {(row["tokens"], row["task"]) for row in data["shares"]} == {
        (tokens, task) for tokens in (1_000, 2_000) for task in tasks
    }
    assert data["least"] == min(row["kept"] for row in data["shares"])


def test_evidence_is_kept_whole_or_not() -> None:
    def result(*spans: tuple[int, int]) -> Compressed:
        kept = tuple(Span(a, b, None, 1.0) for a, b in spans)
        return Compressed("", kept, tokens_in=9, tokens_out=1, seconds=0.0, critic="x")

    question = Question("?", ((10, 20), (30, 40)))
    assert covered(question, result((10, 20), (30, 40))) == [True, True]
    assert covered(question, result((8, 15), (15, 22), (30, 39))) == [True, False]
    assert covered(question, result((11, 45))) == [False, True]
    assert covered(question, result()) == [False, False]


def test_nothing_to_measure_is_an_error() -> None:
    with pytest.raises(OptionError, match="critic"):
        find_needles([], tokens=[2_000])
    with pytest.raises(OptionError, match="length"):
        find_needles([LexicalCritic()], tokens=[])
