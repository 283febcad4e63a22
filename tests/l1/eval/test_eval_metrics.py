"""Scores of answers, pass@k and intervals, against numbers worked by hand."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import OptionError
from cprs.l1.eval.intervals import bootstrap, bootstrap_of_means, interval, wilson
from cprs.l1.eval.metrics import (
    cover_match,
    exact_match,
    f1,
    given_answer,
    pass_at_k,
    published_match,
)
from cprs.l1.eval.quoted import QUOTED, SETS, average
from cprs.l1.example import Example

PARIS = Example("a", "Where?", "x", ("Paris", "City of Light"))
FORTY = Example("b", "How many?", "x", ("42",), kind="numeric")
SECOND = Example("c", "Which?", "x", ("B",), kind="choice")


def test_f1_is_of_words_and_of_the_best_gold_answer() -> None:
    # "old city of light" has 3 of its 4 words in "City of Light", all 3 of which it gives.
    assert f1("the old city of light", PARIS) == pytest.approx(2 * 0.75 * 1 / 1.75)
    assert f1("Paris", PARIS) == 1.0
    assert f1("Rome", PARIS) == 0.0
    assert f1("B", SECOND) == 1.0
    assert f1("A", SECOND) == 0.0


def test_exact_and_cover() -> None:
    assert exact_match("paris.", PARIS) == 1.0
    assert exact_match("Paris, France", PARIS) == 0.0
    assert cover_match("Paris, France", PARIS) == 1.0
    assert cover_match("the", PARIS) == 0.0
    assert exact_match("42.0", FORTY) == 1.0
    assert cover_match("-42", FORTY) == 0.0
    assert cover_match("(b)", SECOND) == 1.0


def test_the_released_rule_stands_beside() -> None:
    assert published_match("the answer is the", PARIS) == 1.0
    assert published_match("The answer is Paris", PARIS) == 0.0
    assert published_match("so</think>the answer is Paris", PARIS) == 1.0


def test_thinking_that_never_ends_has_no_answer() -> None:
    said = "the answer is Paris"
    assert given_answer(said, PARIS) == "Paris"
    assert given_answer(said, PARIS, thinking=True) is None
    assert given_answer(f"<think>{said}", PARIS) is None
    assert given_answer(f"<think>hm</think>{said}", PARIS, thinking=True) == "Paris"


def test_pass_at_k_by_hand() -> None:
    assert pass_at_k(4, 1, 2) == 0.5
    assert pass_at_k(16, 0, 16) == 0.0
    assert pass_at_k(16, 1, 16) == 1.0
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3)
    for samples, correct, k in ((3, 4, 1), (3, 1, 4), (3, 1, 0)):
        with pytest.raises(OptionError):
            pass_at_k(samples, correct, k)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(
    right: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(right)))
    draws = list(combinations(right, k))
    share = sum(any(draw) for draw in draws) / len(draws)
    assert pass_at_k(len(right), sum(right), k) == pytest.approx(share)


def test_wilson_by_hand() -> None:
    # 8 of 10: the textbook interval.
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    assert wilson(0, 0) == (0.0, 1.0)
    assert interval([1.0] * 8 + [0.0] * 2) == wilson(8, 10)


def test_bootstrap_is_about_two_standard_errors() -> None:
    values = [0.0, 0.5, 1.0] * 100
    low, high = bootstrap(values)
    error = 1.96 * (1 / 6 / 300) ** 0.5
    assert low == pytest.approx(0.5 - error, abs=0.01)
    assert high == pytest.approx(0.5 + error, abs=0.01)
    assert bootstrap(values) == (low, high)
    assert bootstrap([0.3] * 5) == pytest.approx((0.3, 0.3))
    # Of two sets' mean, a large one does not outweigh a small one.
    assert bootstrap_of_means([[1.0] * 1000, [0.0]]) == (0.5, 0.5)
    assert bootstrap_of_means([]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("model", "mean"),
    [
        ("o1-preview", 72.9),
        ("DeepSeek-R1", 72.1),
        ("Qwen3-235B-A22B", 70.6),
        ("R1-Distill-Qwen-14B", 64.2),
        ("14B-SFT", 65.0),
        ("L1-14B-GRPO", 68.2),
        ("L1-14B-DAPO", 68.3),
        ("R1-Distill-Qwen-32B", 65.6),
        ("32B-SFT", 68.7),
        ("L1-32B-GRPO", 70.3),
        ("L1-32B-DAPO", 70.7),
    ],
)
def test_quoted_figures_make_the_papers_means(model: str, mean: float) -> None:
    assert average(QUOTED[model]) == pytest.approx(mean, abs=0.051)
    assert len(QUOTED[model]) == len(SETS)
