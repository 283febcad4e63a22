"""Calibration maps and their fit: order, shape, and what brute force says."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cprs.critics.calibration import KNOTS, Calibration
from cprs.errors import OptionError, WeightsError
from cprs.train.measure.calibrate import (
    fit_calibration,
    fit_threshold,
    pool_adjacent_violators,
)

Array = NDArray[Any]
law = settings(deadline=None, max_examples=150)
odds = st.floats(-35, 35)


@st.composite
def maps(draw: st.DrawFn) -> Calibration:
    count = draw(st.integers(1, KNOTS))
    steps = st.lists(st.floats(0.001, 9), min_size=count, max_size=count)
    before = np.cumsum(draw(steps)) + draw(st.floats(-30, 10))
    after = np.cumsum(draw(steps)) + draw(st.floats(-30, 10))
    return Calibration(tuple(before.tolist()), tuple(after.tolist()))


@law
@given(maps(), st.lists(odds, min_size=2, max_size=30))
def test_a_map_rises_between_any_two(found: Calibration, values: list[float]) -> None:
    x = np.sort(np.array([*values, *found.before, *np.nextafter(found.before, -99)]))
    y = found.apply(x)
    assert (np.diff(y) >= 0).all()
    apart = np.diff(x) >= 1e-3
    assert (np.diff(y)[apart] > 0).all()
    assert found.apply(x[::-1]).tobytes() == y[::-1].tobytes()
    assert found.apply(x[:1]).tobytes() == y[:1].tobytes()


@law
@given(maps(), st.floats(0, 50))
def test_outside_the_knots_a_map_is_no_steeper_than_what_it_maps(
    found: Calibration, far: float
) -> None:
    ends = np.array([found.before[0], found.before[-1]])
    moved = found.apply(ends + np.array([-far, far])) - found.apply(ends)
    assert (np.abs(moved) <= far + 1e-9).all()


@law
@given(maps())
def test_knots_are_met_and_survive_json(found: Calibration) -> None:
    assert np.allclose(found.apply(np.array(found.before)), found.after, atol=1e-9)
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_the_default_changes_nothing() -> None:
    x = np.array([-40.0, -1.25, 0.0, 3.5, np.inf])
    assert Calibration().apply(x).tolist() == x.tolist()
    assert np.isnan(Calibration().apply(np.array([np.nan]))).all()
    assert Calibration().apply(np.zeros((0, 3))).shape == (0, 3)
    assert Calibration().probability(np.array([0.0])).tolist() == [0.5]


@pytest.mark.parametrize(
    "value",
    [
        {"before": [0, 1], "after": [0]},
        {"before": [0, 0], "after": [0, 1]},
        {"before": [0, 1], "after": [1, 0]},
        {"before": [], "after": []},
        {"before": [0.0, float("nan")], "after": [0, 1]},
        {"before": list(range(KNOTS + 1)), "after": list(range(KNOTS + 1))},
        {"before": ["1"], "after": ["2"]},
        {"before": "1", "after": "2"},
        {"before": 1, "after": 2},
        {"before": [0]},
        {"before": [0], "after": [0], "more": 1},
        [[0], [0]],
        None,
        3,
    ],
)
def test_a_broken_map_is_named(value: object) -> None:
    with pytest.raises(WeightsError, match=r"^file\.json: not a calibration") as caught:
        Calibration.from_json(value, where="file.json")
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 4)), min_size=1, max_size=7),
)
def test_pooling_is_the_best_rising_fit(rows: list[tuple[float, float]]) -> None:
    """Every rising least-squares fit is constant on stretches, at their means: try them all."""
    values, weights = np.array(rows).T
    fitted = pool_adjacent_violators(values, weights)
    assert (np.diff(fitted) >= 0).all()
    best = np.inf
    for cuts in itertools.product((False, True), repeat=len(values) - 1):
        stretch = np.cumsum([False, *cuts])
        means = np.bincount(stretch, values * weights) / np.bincount(stretch, weights)
        if (np.diff(means) >= 0).all():
            best = min(best, float((weights * (values - means[stretch]) ** 2).sum()))
    assert float((weights * (values - fitted) ** 2).sum()) == pytest.approx(best, abs=1e-9)


def _world(
    seed: int, *, bend: float = 2.0, shift: float = -1.0, questions: int = 40
) -> tuple[list[Array], list[Array], list[Array], list[str]]:
    """Passages whose true log-odds are odds / bend + shift."""
    rng = np.random.default_rng(seed)
    said = [rng.normal(-3, 2.5, 500) for _ in range(questions)]
    true = [rng.random(500) < 1 / (1 + np.exp(-(x / bend + shift))) for x in said]
    return said, true, [np.zeros(500, bool)] * questions, ["a", "b"] * (questions // 2)


def _error(p: Array, y: Array) -> float:
    place = np.digitize(p, [0.01, 0.03, 0.1, 0.3])
    return float(np.abs(np.bincount(place, p) - np.bincount(place, y)).sum() / len(p))


def test_a_fit_makes_probabilities_right_where_it_did_not_look() -> None:
    found = fit_calibration(*_world(0))
    said, true, *_ = _world(1)
    x, y = np.concatenate(said), np.concatenate(true)
    before, after = _error(1 / (1 + np.exp(-x)), y), _error(found.probability(x), y)
    assert before > 0.03
    assert after < 0.2 * before
    assert np.abs(found.apply(np.array([-4.0, 0.0])) - [-3.0, -1.0]).max() < 0.35


@law
@given(st.data())
def test_any_fit_keeps_the_order(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    said, true = [], []
    for _ in range(count):
        size = data.draw(st.integers(1, 12))
        said.append(np.array(data.draw(st.lists(odds, min_size=size, max_size=size))))
        true.append(np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size))))
    unsure = [np.zeros(len(x), bool) for x in said]
    if not 0 < sum(y.sum() for y in true) < sum(map(len, true)):
        return
    found = fit_calibration(said, true, unsure, ["a"] * count, knots=data.draw(st.integers(1, 16)))
    grid = np.round(np.arange(-9, 9, 0.001), 3)
    assert (np.diff(found.probability(grid).astype(np.float32)) >= 0).all()
    middle = grid[np.abs(found.apply(grid)) < 5]
    assert (np.diff(found.probability(middle).astype(np.float32)) > 0).all()


def test_each_set_counts_the_same_and_the_unsure_do_not() -> None:
    said, true, unsure, _ = _world(0)
    alone = fit_calibration(said, true, unsure, ["a"] * 40)
    others = [np.full(5_000, 0.5)] * 30, [np.ones(5_000, bool)] * 30
    doubled = fit_calibration(
        said * 2, true * 2, unsure * 2, ["a"] * 80, counts=[np.full(500, 0.5)] * 80
    )
    assert doubled == alone
    hidden = fit_calibration(
        said + others[0], true + others[1], unsure + [np.ones(5_000, bool)] * 30, ["a"] * 70
    )
    assert hidden == alone
    more, mores, sure, _ = _world(1, shift=1.0, questions=10)
    once = fit_calibration(said + more, true + mores, unsure + sure, ["a"] * 40 + ["b"] * 10)
    often = fit_calibration(
        said + more * 4, true + mores * 4, unsure + sure * 4, ["a"] * 40 + ["b"] * 40
    )
    grid = np.linspace(-7, 3, 50)
    assert np.abs(once.apply(grid) - often.apply(grid)).max() < 0.1
    assert (once.apply(grid) - alone.apply(grid)).min() > 0.3


@pytest.mark.parametrize(
    ("said", "true", "unsure", "sources", "says"),
    [
        ([[0.0]], [[True]], [[False]], ["a"], "passages without"),
        ([[0.0]], [[False]], [[False]], ["a"], "passages with evidence"),
        ([[0.0, 1.0]], [[True, False]], [[True, True]], ["a"], "passages with evidence"),
        ([], [], [], [], "passages with evidence"),
        ([[0.0]], [[True]], [[False]], [], "one for each question"),
        ([[0.0, 1.0]], [[True]], [[False]], ["a"], "question 0 differ in length"),
        ([[np.nan, 1.0]], [[True, False]], [[False, False]], ["a"], "finite"),
    ],
)
def test_what_cannot_be_fitted_is_named(
    said: list[list[float]],
    true: list[list[bool]],
    unsure: list[list[bool]],
    sources: list[str],
    says: str,
) -> None:
    with pytest.raises(OptionError, match=says):
        fit_calibration(
            [np.array(x) for x in said],
            [np.array(x) for x in true],
            [np.array(x, bool) for x in unsure],
            sources,
        )


def test_a_threshold_finds_enough_and_idles_enough() -> None:
    p = [np.array([0.9, 0.6, 0.2, 0.1]), np.array([0.8, 0.3, 0.01, 0.01])]
    evidence = [np.array([10, 10, 0, 0]), np.array([0, 20, 0, 0])]
    length = np.array([10, 10, 10, 970])
    found = fit_threshold(p, evidence, ["a", "b"])
    assert (found.found, found.idle) == (1.0, 0.0)
    assert 0.29 < found.value == found.highest <= 0.3
    noisy = [(np.array([0.5, 0.05, 0.01, 0.0]), length)]
    raised = fit_threshold(p, evidence, ["a", "b"], idle=noisy)
    assert 0.5 < raised.value == raised.lowest < 0.51
    assert raised.highest == found.value
    assert (raised.found, raised.idle) == (0.5, 0.0)
    calm = fit_threshold(p, evidence, ["a", "b"], idle=noisy, idle_share=0.02)
    assert calm.value == found.value
    assert calm.idle == pytest.approx(0.01)
    # Each set counts the same: two more questions of one set change nothing.
    more = fit_threshold([*p, p[1], p[1]], [*evidence, evidence[1], evidence[1]], [*"abbb"])
    assert more.value == found.value
    assert more.found == pytest.approx(found.found)
    with pytest.raises(OptionError, match="questions with evidence"):
        fit_threshold(p, [np.zeros(4), np.zeros(4)], ["a", "b"])
