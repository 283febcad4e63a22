"""Fit what probabilities mean (`cprs.critics.calibration`) and where a threshold should lie.

Isotonic regression: of all maps that never fall, the one nearest to what was evidence, found by
pooling adjacent violators (Ayer et al. 1955; for classifiers Zadrozny and Elkan 2002), then
thinned to a few knots and tilted so that it strictly rises. Each set counts the same.

All functions take plain arrays, one for each question: what any critic said of a context's
passages, and what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics.calibration import DECIMALS, FARTHEST, KNOTS, Calibration
from cprs.errors import OptionError

LEAST_SLOPE = 0.1
"""How flat a map may get: log-odds a thousandth apart stay apart in 32 bits."""
FOUND = 0.85
"""The share of evidence that the default threshold should keep."""
IDLE = 0.005
"""The share of a text without an answer that it may keep, less than this."""

LEVELS: NDArray[np.float64] = np.round(np.geomspace(0.001, 0.999, 400), 4)
"""Thresholds that are tried."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def fit_calibration(
    odds: Sequence[NDArray[np.floating[Any]]],
    evidence: Sequence[NDArray[Any]],
    unsure: Sequence[Flags],
    sources: Sequence[str],
    *,
    counts: Sequence[NDArray[Any]] | None = None,
    knots: int = KNOTS,
) -> Calibration:
    """The map that makes `odds` right on average, at every height.

    For each question: `odds` (p,) log-odds of its context's passages, `evidence` (p,) above 0
    where a passage is evidence, `unsure` (p,) where it is neither and left out; and its set.
    `counts` (p,) says how many passages each stands for, where only some were scored.
    Leave out sets that mark whole sections: their evidence is not what a sentence's probability
    should be about. Raises `OptionError` where there is no evidence or nothing else.
    """
    counts = [np.ones(np.shape(o)) for o in odds] if counts is None else counts
    _check(odds=odds, evidence=evidence, unsure=unsure, counts=counts, sources=sources)
    sure = [~np.asarray(flags, bool) for flags in unsure]
    x = _joined([np.asarray(o, np.float64)[keep] for o, keep in zip(odds, sure, strict=True)])
    y = _joined([(np.asarray(e) > 0)[keep] for e, keep in zip(evidence, sure, strict=True)])
    times = _joined([np.asarray(c, np.float64)[keep] for c, keep in zip(counts, sure, strict=True)])
    if not np.isfinite(x).all() or not (times > 0).all():
        raise OptionError("log-odds must be finite, and counts above 0")
    if not 0 < y.sum() < len(y):
        raise OptionError("a calibration needs passages with evidence and passages without")
    of = np.repeat(np.array(sources), [int(keep.sum()) for keep in sure])
    names, number = np.unique(of, return_inverse=True)
    weight = times * (times.sum() / len(names) / _sums(number, times))[number]

    height, place = np.unique(np.round(x, DECIMALS), return_inverse=True)
    mass, hits = _sums(place, weight), _sums(place, weight * y)
    share = pool_adjacent_violators(hits / mass, mass)
    group = _groups(share, mass, knots)
    said = 1 / (1 + np.exp(-np.clip(height, -FARTHEST, FARTHEST)))
    n, found = _sums(group, mass), _sums(group, hits)
    meant = _sums(group, mass * said) / n
    # Half a passage of each kind (Haldane 1956): never a probability of 0 or 1.
    rate = (found + 0.5) / (n + 1)
    before, after = _logit(meant), _logit(rate)
    kept = np.flatnonzero(np.diff(before, prepend=-np.inf) > 1e-3)
    before, after, n, rate = before[kept], after[kept], n[kept], rate[kept]
    tilt = LEAST_SLOPE * before
    after = tilt + pool_adjacent_violators(after - tilt, n * rate * (1 - rate))
    return Calibration(tuple(np.round(before, 6).tolist()), tuple(np.round(after, 6).tolist()))


def pool_adjacent_violators(values: Floats, weights: Floats) -> Floats:
    """The rising sequence nearest to `values` (n,): of least Σ weight (value - fitted)².

    `weights` (n,) above 0. Linear time.
    """
    means: list[float] = []
    masses: list[float] = []
    sizes: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, size = value, weight, 1
        while means and means[-1] >= mean:
            other = masses.pop()
            mean = (means.pop() * other + mean * mass) / (other + mass)
            mass, size = mass + other, size + sizes.pop()
        means.append(mean)
        masses.append(mass)
        sizes.append(size)
    return np.repeat(np.array(means, np.float64), sizes)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold `value` and what it keeps: `found` of the evidence, `idle` of text without an
    answer. `highest` is the highest that finds enough, `lowest` the lowest that is idle enough:
    where it lies above the other, both cannot be had, and less is found."""

    value: float
    found: float
    idle: float
    highest: float
    lowest: float


def fit_threshold(
    probability: Sequence[Floats],
    evidence: Sequence[NDArray[Any]],
    sources: Sequence[str],
    *,
    idle: Sequence[tuple[Floats, NDArray[Any]]] = (),
    found: float = FOUND,
    idle_share: float = IDLE,
) -> Threshold:
    """The highest threshold that keeps `found` of the mean question's evidence, raised where it
    must be to keep less than `idle_share` of texts without an answer.

    For each question with an answer: `probability` (p,) of its context's passages, `evidence` (p,)
    code points of it in each, and its set; each set counts the same. `idle`: for each question
    without, its passages' probabilities and code points. Raises `OptionError` where no question
    has evidence.
    """
    _check(probability=probability, evidence=evidence, sources=sources)
    answered = [i for i, e in enumerate(evidence) if np.asarray(e).sum() > 0]
    if not answered:
        raise OptionError("a threshold needs questions with evidence")
    levels = LEVELS
    names = [sources[i] for i in answered]
    shares = np.array([_above(probability[i], evidence[i], levels) for i in answered])
    weights = np.array([1 / names.count(name) for name in names])
    kept = weights @ shares / weights.sum()
    wasted = np.array([_above(p, length, levels) for p, length in idle])
    waste = wasted.mean(axis=0) if len(wasted) else np.zeros(len(levels))
    high = int(np.flatnonzero(kept >= found - 1e-9).max(initial=0))
    quiet = np.flatnonzero(waste < idle_share)
    low = int(quiet[0]) if len(quiet) else len(levels) - 1
    at = max(high, low)
    return Threshold(
        value=float(levels[at]),
        found=float(kept[at]),
        idle=float(waste[at]),
        highest=float(levels[high]),
        lowest=float(levels[low]),
    )


def fit_balance(
    probability: Sequence[Floats],
    evidence: Sequence[NDArray[Any]],
    others: Sequence[NDArray[Any]],
    sources: Sequence[str],
) -> float:
    """The threshold with the largest F2 (van Rijsbergen 1979): what it keeps and what is asked for
    agree best, where missing something is worse than keeping too much.

    For each question: `probability` (p,) of its context's passages, the `evidence` (p,) and all
    else (p,) in each, and its set; each set counts the same. Raises `OptionError` where no question
    has evidence.
    """
    _check(probability=probability, evidence=evidence, others=others, sources=sources)
    wanted = [float(np.asarray(e).sum()) for e in evidence]
    if not any(wanted):
        raise OptionError("a threshold needs questions with evidence")
    names = list(sources)
    weights = np.array([1 / names.count(name) for name in names])

    def kept(amounts: Sequence[NDArray[Any]]) -> Floats:
        each = [_above(p, a, LEVELS) * np.sum(a) for p, a in zip(probability, amounts, strict=True)]
        total: Floats = weights @ np.array(each)
        return total

    right = kept(evidence)
    f2 = 5 * right / (right + kept(others) + 4 * (weights @ np.array(wanted)))
    return float(LEVELS[int(np.argmax(f2))])


def _above(probability: Floats, amount: NDArray[Any], levels: Floats) -> Floats:
    """The share of all `amount` in passages at or above each level."""
    order = np.argsort(probability, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(np.asarray(amount, np.float64)[order])])
    at = np.searchsorted(np.asarray(probability)[order], levels, side="left")
    share: Floats = 1 - below[at] / max(float(below[-1]), 1e-9)
    return share


def _groups(share: Floats, mass: Floats, knots: int) -> NDArray[np.int64]:
    """Neighbours together, no pooled stretch split, in at most `knots` groups of about the same
    information: Σ weight p (1 - p), to which a probability's uncertainty is inverse."""
    block = np.cumsum(np.diff(share, prepend=-1.0) > 0) - 1
    told = _sums(block, mass * share * (1 - share))
    after = np.cumsum(told)
    middle = (after - told / 2) / max(float(after[-1]), 1e-12)
    group = np.minimum((middle * knots).astype(np.int64), knots - 1)
    number: NDArray[np.int64] = np.unique(group, return_inverse=True)[1][block].astype(np.int64)
    return number


def _sums(place: NDArray[Any], weights: NDArray[Any]) -> Floats:
    return np.bincount(place, weights).astype(np.float64)


def _logit(p: Floats) -> Floats:
    odds: Floats = np.log(p) - np.log1p(-p)
    return odds


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0), *parts])


def _check(**columns: Sequence[Any]) -> None:
    """Every column has as many questions, and every question as many passages in each."""
    if len({len(column) for column in columns.values()}) > 1:
        raise OptionError(f"{', '.join(columns)} must be as many: one for each question")
    arrays = [name for name in columns if name != "sources"]
    for number, row in enumerate(zip(*(columns[name] for name in arrays), strict=True)):
        if len({np.shape(part) for part in row}) > 1:
            raise OptionError(f"{', '.join(arrays)} of question {number} differ in length")
