"""Which requests are answered twice, and how far two answers agree."""

from __future__ import annotations

import time

import pytest
from cprs_server.shadow import Shadow, agreement
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import OptionError


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_the_share_is_what_was_asked_for(share: float) -> None:
    shadow = Shadow(share)
    taken = sum(shadow.sample(f"req-{n}") for n in range(20_000))
    assert taken == pytest.approx(20_000 * share, abs=4 * (20_000 * share * (1 - share)) ** 0.5)


def test_the_same_requests_again_and_more_with_a_greater_share() -> None:
    ids = [f"req-{n}" for n in range(2_000)]
    few = {i for i in ids if Shadow(0.05).sample(i)}
    assert few == {i for i in ids if Shadow(0.05).sample(i)}
    assert few < {i for i in ids if Shadow(0.2).sample(i)}


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_no_share(share: float) -> None:
    with pytest.raises(OptionError):
        Shadow(share)


@pytest.mark.parametrize(
    ("one", "other", "verdict", "f1"),
    [
        ("Paris", "paris.", "exact", 1.0),
        ("It is 42 km.", "it is   42 km", "exact", 1.0),
        ("a b c d", "a b c e", "near", 0.75),
        ("a a b", "a b b", "near", 2 / 3),
        ("a b", "b a", "near", 1.0),
        ("yes", "no", "no", 0.0),
        ("-5", "5", "no", 0.0),
        ("3.14", "3,14", "no", 0.0),
        ("", "", "exact", 1.0),
        ("", "x", "no", 0.0),
        ("!", "?", "no", 0.0),
        ("東京都です", "東京です", "near", 8 / 9),
        ("Straße", "STRASSE", "exact", 1.0),
        ("5 €", "5 $", "near", 0.5),
    ],
)
def test_agreement(one: str, other: str, verdict: str, f1: float) -> None:
    got = agreement(one, other)
    assert got.f1 == pytest.approx(f1)
    assert got.verdict == verdict


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_agreement_is_symmetric_and_bounded(one: str, other: str) -> None:
    got = agreement(one, other)
    assert got == agreement(other, one)
    assert 0.0 <= got.f1 <= 1.0
    assert not got.exact or got.f1 == 1.0
    assert agreement(one, one).exact


def test_long_answers_take_no_long() -> None:
    before = time.perf_counter()
    assert not agreement("word " * 1_000_000, "word " * 1_000_000 + "end").exact
    assert time.perf_counter() - before < 3
