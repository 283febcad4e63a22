"""Fitting: the slope is right, the ranking learns, the probabilities are shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cprs.critics.features import NAMES
from cprs.critics.prior import Prior
from cprs.train.prior.examples import Example
from cprs.train.prior.ranking import Batch, fit, gradient, recall

SIGNAL = NAMES.index("cosine")
CENTRE = np.zeros(4, np.float32)


def _examples(count: int, *, passages: int = 150, seed: int = 0) -> list[Example]:
    """A passage is evidence with a chance that rises with one feature; the others are noise."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        features = rng.normal(size=(passages, len(NAMES))).astype(np.float32)
        chance = 1 / (1 + np.exp(4.5 - 2 * features[:, SIGNAL]))
        hit = rng.random(passages) < chance
        length = rng.integers(20, 80, passages)
        evidence = np.where(hit, length, 0)
        found.append(
            Example(
                source=f"set{number % 3}",
                features=features,
                length=length,
                evidence=evidence,
                unsure=np.zeros(passages, bool),
                total=int(evidence.sum()),
                size=int(length.sum()),
            )
        )
    return found


@pytest.fixture(scope="module")
def prior() -> Prior:
    return fit(_examples(120), CENTRE)


def test_gradient_is_the_slope() -> None:
    rng = np.random.default_rng(1)
    # Float64, where training uses float32: the difference quotient needs the digits.
    values: Any = {
        "linear": rng.normal(size=3),
        "hidden": rng.normal(size=(3, 2)),
        "bias": rng.normal(size=2),
        "out": rng.normal(size=2),
    }
    drawn: dict[str, Any] = {
        "positive": rng.normal(size=(4, 2, 3)),
        "negative": rng.normal(size=(4, 5, 3)),
        "count": rng.normal(size=(4, 5)),
    }
    data = Batch(
        **drawn,
        share=np.array([[0.5, 0.5], [1, 0], [0.5, 0.5], [1, 0]]),
        weight=np.array([1.0, 2, 0.5, 1]),
    )
    _, slopes = gradient(values, data)
    for name, value in values.items():
        for index in np.ndindex(value.shape):
            step = np.zeros_like(value)
            step[index] = 1e-5
            up, _ = gradient(values | {name: value + step}, data)
            down, _ = gradient(values | {name: value - step}, data)
            # The activation is kept in float32, which leaves four digits here.
            assert slopes[name][index] == pytest.approx((up - down) / 2e-5, abs=2e-2)


def test_learns_what_tells_evidence(prior: Prior) -> None:
    unseen = _examples(30, passages=300, seed=9)
    found = np.mean(list(recall(prior, unseen, ratio=8).values()))
    best = np.mean(
        [_recall_by(example, example.features[:, SIGNAL]) for example in unseen if example.total]
    )
    noise = np.mean(
        [
            _recall_by(example, example.features[:, SIGNAL - 1])
            for example in unseen
            if example.total
        ]
    )
    assert found > best - 0.05
    assert found > noise + 0.2


def test_probabilities_are_shares(prior: Prior) -> None:
    unseen = _examples(60, seed=5)
    score = np.concatenate(
        [prior.probability(example.features) for example in unseen if example.total]
    )
    hit = np.concatenate([example.evidence > 0 for example in unseen if example.total])
    assert score.mean() == pytest.approx(hit.mean(), rel=0.25)
    for low, high in ((0.02, 0.1), (0.1, 0.3), (0.3, 0.9)):
        some = (score >= low) & (score < high)
        assert hit[some].mean() == pytest.approx(score[some].mean(), rel=0.35)
    assert 0.001 < prior.threshold < 0.5


def test_same_examples_same_prior() -> None:
    examples = _examples(9)
    one, two = fit(examples, CENTRE), fit(examples, CENTRE)
    assert one.linear.tobytes() == two.linear.tobytes()
    assert (one.slope, one.threshold) == (two.slope, two.threshold)


def _recall_by(example: Example, score: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    order = np.argsort(-score)
    kept = order[np.cumsum(example.length[order]) <= example.size / 8]
    return float(example.evidence[kept].sum() / max(min(example.total, example.size / 8), 1))
