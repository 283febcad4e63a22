"""Fit the embedded critic's prior (`cprs.critics.prior`) to examples.

First a ranking: evidence above everything else of its context (a listwise loss, each set and each
question counting the same). Then, with the ranking fixed, log-odds fitted at the rarity evidence
really has. Held-out figures come from leaving whole sets out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics.features import NAMES
from cprs.critics.pooling import States
from cprs.critics.prior import Prior
from cprs.critics.survey import QUESTION_FEATURES
from cprs.train.measure.evaluate import kept_passages
from cprs.train.prior.examples import Example

HIDDEN = 32
EPOCHS = 12
BATCH = 48
RATE = 1e-2
DECAY = 0.1
SLACK = 10.0
"""Others that may stand above evidence before it costs much: a budget has room for some."""
FOUND = 0.85
"""The share of evidence that the default threshold keeps on the examples."""
POSITIVES, HARD, EASY = 10, 160, 60
"""Passages drawn per question: evidence, what looks most like it, any other."""

_LURES = ("bm25", "window_coverage", "cosine", "match_weighted", "window_match", "meaning")

Floats = NDArray[np.float32]
Parameters = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Batch:
    """n questions: evidence (n, POSITIVES, f) with weights that add up to 1 or 0 a question,
    others (n, HARD + EASY, f) with the log of how many each stands for; a weight per question."""

    positive: Floats
    share: Floats
    negative: Floats
    count: Floats
    weight: Floats

    def __getitem__(self, index: NDArray[np.int64]) -> Batch:
        return Batch(*(getattr(self, name)[index] for name in self.__slots__))


def fit(examples: Sequence[Example], centre: States, *, seed: int = 0) -> Prior:
    """The prior that ranks best and is calibrated on `examples`."""
    rng = np.random.default_rng(seed)
    drawn = _draw([e for e in examples if e.evidence.any()], rng)
    rows = np.concatenate([drawn.positive[drawn.share > 0], drawn.negative[drawn.count > -1e8]])
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-4
    standard = replace(
        drawn,
        positive=np.clip((drawn.positive - mean) / scale, -5, 5),
        negative=np.clip((drawn.negative - mean) / scale, -5, 5),
    )
    found = descend(standard, rng)
    prior = Prior(
        **doubles(centre=centre, mean=mean, scale=scale, **found),
        slope=1.0,
        offset=0.0,
        question=np.zeros(len(QUESTION_FEATURES)),
        threshold=0.5,
    )
    prior = _calibrate(prior, examples)
    return replace(prior, threshold=_threshold(prior, examples))


def recall(prior: Prior, examples: Sequence[Example], ratio: float = 32) -> dict[str, float]:
    """Evidence recall per set, as `cprs.train.measure` measures it, over the longer contexts: a
    budget below 1,000 code points says little."""
    found: dict[str, list[float]] = {}
    for example in examples:
        budget = example.size / ratio
        if example.evidence.any() and budget >= 1_000:
            score = prior.probability(example.features).astype(np.float32)
            kept = kept_passages(score, example.length, budget)
            share = example.evidence[kept].sum() / min(example.total, budget)
            found.setdefault(example.source, []).append(float(share))
    return {source: float(np.mean(values)) for source, values in found.items()}


def _draw(examples: Sequence[Example], rng: np.random.Generator) -> Batch:
    n, f = len(examples), len(NAMES)
    positive = np.zeros((n, POSITIVES, f), np.float32)
    share = np.zeros((n, POSITIVES), np.float32)
    negative = np.zeros((n, HARD + EASY, f), np.float32)
    count = np.full((n, HARD + EASY), -1e9, np.float32)
    lures = [NAMES.index(name) for name in _LURES]
    for i, example in enumerate(examples):
        x = example.features
        sure = np.flatnonzero((example.evidence > 0) & ~example.unsure)
        evidence = sure if len(sure) else np.flatnonzero(example.evidence)
        evidence = rng.choice(evidence, min(len(evidence), POSITIVES), replace=False)
        positive[i, : len(evidence)] = x[evidence]
        share[i, : len(evidence)] = 1 / len(evidence)
        other = np.flatnonzero((example.evidence == 0) & ~example.unsure)
        top = [other[np.argsort(-x[other, lure], kind="stable")[:40]] for lure in lures]
        hard = np.unique(np.concatenate(top))
        easy = np.setdiff1d(other, hard)
        for pool, room, at in ((hard, HARD, 0), (easy, EASY, HARD)):
            some = rng.choice(pool, min(len(pool), room), replace=False)
            negative[i, at : at + len(some)] = x[some]
            count[i, at : at + len(some)] = np.log(max(len(pool), 1) / max(len(some), 1))
    return Batch(positive, share, negative, count, balance([e.source for e in examples]))


def doubles(**values: Floats) -> dict[str, Any]:
    """The same in double precision: it is written in decimals."""
    return {name: value.astype(np.float64) for name, value in values.items()}


def balance(sources: Sequence[str]) -> Floats:
    """A weight per question, given the set of each: every set counts the same, whatever the number
    of its questions."""
    names, index, counts = np.unique(sources, return_inverse=True, return_counts=True)
    return (len(sources) / len(names) / counts[index]).astype(np.float32)


def descend(
    data: Batch, rng: np.random.Generator, *, hidden: int = HIDDEN, epochs: int = EPOCHS
) -> Parameters:
    """AdamW (Loshchilov and Hutter 2019) under a rate that rises, then falls to nothing."""
    n, f = len(data.weight), data.positive.shape[-1]
    values: Parameters = {
        "linear": np.zeros(f, np.float32),
        "hidden": rng.normal(0, 1 / np.sqrt(f), (f, hidden)).astype(np.float32),
        "bias": np.zeros(hidden, np.float32),
        "out": rng.normal(0, 0.1, hidden).astype(np.float32),
    }
    first = {name: np.zeros_like(value) for name, value in values.items()}
    second = {name: np.zeros_like(value) for name, value in values.items()}
    steps = epochs * -(-n // BATCH)
    step = 0
    for _ in range(epochs):
        order = rng.permutation(n)
        for at in range(0, n, BATCH):
            step += 1
            done = step / steps
            rate = RATE * (
                done / 0.2 if done < 0.2 else 0.5 + 0.5 * np.cos(np.pi * (done - 0.2) / 0.8)
            )
            for name, slope in gradient(values, data[order[at : at + BATCH]])[1].items():
                first[name] += 0.1 * (slope - first[name])
                second[name] += 0.001 * (slope * slope - second[name])
                move = (first[name] / (1 - 0.9**step)) / (
                    np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8
                )
                values[name] = (values[name] * (1 - rate * DECAY) - rate * move).astype(np.float32)
    return values


def gradient(values: Parameters, data: Batch) -> tuple[float, Parameters]:
    """The loss, and its derivative by each parameter.

    Per question, over its evidence p and all others n: the mean of
    softplus(log Σ_n exp(s_n + count_n) - s_p - log SLACK).
    """
    x = np.concatenate([data.positive, data.negative], axis=1)
    inner = x @ values["hidden"] + values["bias"]
    active, slope = _gelu(inner)
    score = x @ values["linear"] + active @ values["out"]
    split = data.positive.shape[1]
    others = score[:, split:] + data.count
    top = others.max(axis=1, keepdims=True)
    spread = np.exp(others - top)
    total = spread.sum(axis=1, keepdims=True)
    lead = top + np.log(total) - score[:, :split] - np.float32(np.log(SLACK))
    weight = data.share * data.weight[:, None] / len(data.weight)
    loss = float((np.logaddexp(0, lead) * weight).sum())
    pull = weight / (1 + np.exp(-lead))
    by_score = np.concatenate([-pull, pull.sum(axis=1, keepdims=True) * spread / total], axis=1)
    by_inner = by_score[..., None] * values["out"] * slope
    flat = x.reshape(-1, x.shape[-1])
    return loss, {
        "linear": by_score.reshape(-1) @ flat,
        "hidden": flat.T @ by_inner.reshape(len(flat), -1),
        "bias": by_inner.sum(axis=(0, 1)),
        "out": by_score.reshape(-1) @ active.reshape(len(flat), -1),
    }


def _gelu(x: Floats) -> tuple[Floats, Floats]:
    """The tanh form of x Φ(x), and its derivative."""
    inner = np.tanh(0.7978845608 * (x + 0.044715 * x**3))
    slope = 0.5 * (1 + inner) + 0.5 * x * (1 - inner**2) * 0.7978845608 * (1 + 0.134145 * x**2)
    return (0.5 * x * (1 + inner)).astype(np.float32), slope.astype(np.float32)


def _calibrate(prior: Prior, examples: Sequence[Example]) -> Prior:
    """Log-odds by Newton's method over the score and what is known of the question."""
    rows: list[NDArray[np.float64]] = []
    hits: list[NDArray[np.float64]] = []
    weights: list[NDArray[np.float64]] = []
    for example, weight in zip(examples, balance([e.source for e in examples]), strict=True):
        keep = ~example.unsure
        about = example.features[:, -len(QUESTION_FEATURES) :]
        score = prior.rank(example.features)[:, None]
        rows.append(np.concatenate([score, about, np.ones_like(score)], axis=1)[keep])
        hits.append((example.evidence[keep] > 0).astype(np.float64))
        weights.append(np.full(int(keep.sum()), float(weight) / max(int(keep.sum()), 1)))
    x, y, w = np.concatenate(rows), np.concatenate(hits), np.concatenate(weights)
    theta = np.zeros(x.shape[1])
    theta[0], theta[-1] = 1.0, np.log(max(y @ w, 1e-9) / w.sum()) - float(w @ x[:, 0] / w.sum())
    for _ in range(40):
        p = 1 / (1 + np.exp(-np.clip(x @ theta, -30, 30)))
        slope = x.T @ (w * (y - p)) - 1e-3 * theta
        bend = (x * (w * p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(len(theta))
        move = np.linalg.solve(bend, slope)
        theta += move / max(1.0, float(np.abs(move).max()))
        if np.abs(move).max() < 1e-6:
            break
    return replace(prior, slope=float(theta[0]), question=theta[1:-1], offset=float(theta[-1]))


def _threshold(prior: Prior, examples: Sequence[Example]) -> float:
    """The highest probability above which the mean question still finds `FOUND` of its evidence."""
    levels = np.round(np.geomspace(0.001, 0.5, 120), 4)
    found = np.zeros(len(levels))
    answered = [example for example in examples if example.evidence.any()]
    weights = balance([e.source for e in answered])
    for example, weight in zip(answered, weights, strict=True):
        score = prior.probability(example.features)
        share = [example.evidence[score >= level].sum() for level in levels]
        found += weight * np.array(share) / example.evidence.sum()
    enough = found / weights.sum() >= FOUND
    return float(levels[np.flatnonzero(enough).max(initial=0)])
