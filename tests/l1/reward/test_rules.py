"""Rule rewards: what is right, and all that the released reward wrongly takes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import OptionError
from cprs.l1.example import Example
from cprs.l1.reward.choice import choice, letter
from cprs.l1.reward.hybrid import Scorer, right
from cprs.l1.reward.numeric import numeric, parse_number
from cprs.l1.reward.published import qwenlong_l1
from cprs.l1.reward.rules import cover, exact, words
from cprs.l1.reward.shaping import overlong_penalty


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("paris", "Paris"),
        ("The Paris", "Paris"),
        ("Paris, France", "Paris"),
        ("It was Paris in the end", "Paris"),
        ("U.S. Navy", "US Navy"),
        ("1,962 people", "1962"),
        ("北京市", "北京"),
        ("ＰＡＲＩＳ", "paris"),
        ("the", "The"),
        ("?", "?"),
        ("Paris or London", "Paris or London"),
    ],
)
def test_cover_takes_what_holds_the_gold_answer(answer: str, gold: str) -> None:
    assert cover(answer, gold)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("the", "Paris"),
        ("a", "Paris"),
        ("?", "Paris"),
        ("", "Paris"),
        ("p", "Paris"),
        ("2", "1962"),
        ("no", "Norway"),
        ("Norway", "no"),
        ("Par", "Paris"),
        ("Parisian", "Paris"),
        ("Paris or London or Rome", "Paris"),
        ("Paris/London", "Paris"),
        ("Rome, London, Paris, Oslo, Bern", "Paris"),
        ("not Paris", "Paris"),
        ("5", "-5"),
        ("-5", "5"),
        ("the man", "man the boats"),
        ("Paris " + "and so on " * 30, "Paris"),
    ],
)
def test_cover_takes_neither_parts_nor_lists_nor_denials(answer: str, gold: str) -> None:
    assert not cover(answer, gold)


def test_exact_is_narrower() -> None:
    assert exact("The  paris!", "Paris")
    assert not exact("Paris, France", "Paris")
    assert not exact("?", "!")
    assert not exact("", "")


@given(st.text(max_size=20), st.text(max_size=20))
@settings(deadline=None, max_examples=100)
def test_what_is_exact_is_covered_and_nothing_covers_more_words_than_it_has(
    answer: str, gold: str
) -> None:
    assert cover(answer, gold) or not exact(answer, gold)
    assert len(words(gold)) <= len(words(answer)) or not cover(answer, gold)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("42", "42"),
        ("(42)", "42"),
        ("42.0", "42"),
        ("$1,234.5", "1234.5"),
        ("12%", "0.12"),
        ("0.12", "12 percent"),
        ("12%", "12"),
        ("3.2 million", "3200000"),
        ("$3.2 million", "3.2"),
        ("3,200 million", "3.2 billion"),
        ("1.2 × 10^3", "1200"),
        ("1.2e3", "1200"),
        ("3/4", "0.75"),
        ("x = 7", "7"),
        ("about 5 apples.", "5"),
        ("5km", "5"),
        ("$-3.5", "-3.5"),
        ("−3.5", "-3.5"),
        ("100.14", "100"),
        ("2 000", "2000"),
    ],
)
def test_equal_numbers(answer: str, gold: str) -> None:
    assert numeric(answer, gold)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("-42", "42"),
        ("4200", "42"),
        ("0.42", "42"),
        ("420", "42"),
        ("1961", "1962"),
        ("100.16", "100"),
        ("5 or 6", "5"),
        ("Q3", "3"),
        ("COVID-19", "19"),
        ("", "5"),
        ("many", "5"),
        ("1/0", "1"),
        ("1e999", "5"),
        ("5", "2 × 10^999"),
        ("3.2 million", "3.2 billion"),
        ("__import__('os').getcwd()", "0"),
    ],
)
def test_other_numbers(answer: str, gold: str) -> None:
    assert not numeric(answer, gold)


@given(st.text(max_size=30))
@settings(deadline=None, max_examples=100)
def test_no_text_breaks_the_parser(text: str) -> None:
    parse_number(text)
    letter(text)


def test_tolerance_by_hand() -> None:
    """0.15 % of 20,000 is 30: large whole numbers may be rounded, counts may not."""
    assert numeric("20030", "20000")
    assert not numeric("20031", "20000")
    assert not numeric("2001", "2000")


@pytest.mark.parametrize("answer", ["B", "(b)", "B. Paris", "Option B", "b) Paris", "B: Paris"])
def test_the_same_letter(answer: str) -> None:
    assert choice(answer, "B")


@pytest.mark.parametrize("answer", ["A", "A or B", "B or C", "A, B", "Because", "", "Bern"])
def test_another_letter_or_none(answer: str) -> None:
    assert not choice(answer, "B")


def test_the_length_penalty_by_hand() -> None:
    """Eq. (7) with L_max = 100, L_cache = 20: free up to 80, -1/20 per token, -1 beyond 100."""
    lengths = (0, 80, 81, 90, 100, 101, 5000)
    expected = (0.0, 0.0, -1 / 20, -10 / 20, -20 / 20, -1.0, -1.0)
    found = tuple(overlong_penalty(length, longest=100, buffer=20) for length in lengths)
    assert found == expected
    assert overlong_penalty(100, longest=100, buffer=0) == 0
    with pytest.raises(OptionError, match="from 0 to 100"):
        overlong_penalty(1, longest=100, buffer=101)


def said(answer: str) -> str:
    return f"<think>so</think>\nTherefore, the answer is {answer}."


@pytest.mark.parametrize(
    ("answer", "gold", "worth"),
    [
        ("the", "Paris", 1),
        ("a", "Paris", 1),
        ("?", "Paris", 1),
        ("p", "Paris", 1),
        ("2", "1962", 1),
        ("no", "Norway", 1),
        ("Paris or London or Rome", "Paris", 1),
        ("Rome", "Paris", 0),
        ("", "Paris", 0),
    ],
)
def test_the_released_reward_on_words(answer: str, gold: str, worth: float) -> None:
    assert qwenlong_l1(said(answer), gold, kind="text") == worth


def test_the_released_reward_needs_lower_case_and_the_end_of_thinking() -> None:
    assert qwenlong_l1("</think> The answer is Paris", "Paris", kind="text") == 0
    assert qwenlong_l1("the answer is Paris", "Paris", kind="text") == 0
    assert qwenlong_l1("</think> **the answer is Paris**.", "Paris", kind="text") == 1


@pytest.mark.parametrize(
    ("answer", "gold", "worth"),
    [
        ("42", "42", 1),
        ("(42)", "42", 0),
        ("-42", "42", 1),
        ("4200", "42", 1),
        ("0.42", "42", 1),
        ("420", "42", 0),
        ("042", "42", 0),
        ("042", "0", 1),
        ("1.2.3", "0", 1),
        (".5", "5", 1),
        ("$1,234", "1234", 1),
        ("42.06", "42", 1),
        ("42.07", "42", 0),
        ("true", "true", 0),
        ("9" * 400, "42", 0),
    ],
)
def test_the_released_reward_on_numbers(answer: str, gold: str, worth: float) -> None:
    assert qwenlong_l1(said(answer), gold, kind="numeric") == worth


def test_the_released_reward_on_choices() -> None:
    form = "</think> The correct answer is {}."
    assert qwenlong_l1(form.format("(B)"), "B", kind="choice") == 1
    assert qwenlong_l1(form.format("B"), "B", kind="choice") == 1
    assert qwenlong_l1(form.format("b"), "B", kind="choice") == 0
    assert qwenlong_l1("</think> The answer is B", "B", kind="choice") == 0


def test_a_scorer_compares_each_kind_in_its_way() -> None:
    text = Example("t", "Where?", "", ("Paris", "Lutetia"))
    number = Example("n", "How many?", "", ("0.12",), kind="numeric")
    yes = Example("y", "Is it?", "", ("yes",), kind="numeric")
    pick = Example("c", "Which?", "", ("B",), kind="choice")
    examples = [text, text, number, yes, pick, text]
    responses = [said(a) for a in ("Lutetia", "Rome", "12%", "Yes", "B")] + ["Lutetia"]
    assert Scorer().score(examples, responses) == [1, 0, 1, 1, 1, 0]
    assert Scorer(thinking=False).score([text], ["the answer is Paris"]) == [1]
    assert Scorer(rule="qwenlong_l1").score([text], [said("the")]) == [1]
    assert not right("Paris, France", text, rule="exact")
    with pytest.raises(OptionError, match="unknown rule"):
        Scorer(rule="fuzzy")
