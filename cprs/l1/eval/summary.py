"""Scores of samples as scores of sets, each with its interval; failures count as wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cprs.l1.eval.intervals import bootstrap, bootstrap_of_means, interval
from cprs.l1.eval.metrics import pass_at_k
from cprs.l1.eval.quoted import SETS
from cprs.l1.eval.run import Scored

MOST_K = 16
METRICS = ("score", "em", "f1", "cover", "published", "judge")


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over examples, and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SetScore:
    """A set's `examples` and samples, of which `failed` had no response, `unparsed` no answer that
    could be read, `cut` no end, and `unjudged` no verdict. All of them stay in every mean.
    `passes` is pass@k by k, to `MOST_K`; `judge` is absent from `means` where none was asked."""

    name: str
    examples: int
    samples: int
    failed: int
    unparsed: int
    cut: int
    unjudged: int
    tokens_in: float | None
    means: Mapping[str, Mean]
    passes: Mapping[int, Mean]
    by_example: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """All sets of one run (`name`), and the plain mean of their scores, as the paper has it."""

    name: str
    sets: tuple[SetScore, ...]
    average: Mean


def summarise(name: str, scored: Iterable[Scored]) -> Summary:
    """The sets in the paper's order, then others by name."""
    by_set: dict[str, list[Scored]] = {}
    for one in scored:
        by_set.setdefault(one.source or "examples", []).append(one)
    order = [*(each for each in SETS if each in by_set), *sorted(set(by_set) - set(SETS))]
    sets = tuple(_set(each, by_set[each]) for each in order)
    groups = [list(one.by_example.values()) for one in sets]
    means = [one.means["score"].value for one in sets]
    low, high = bootstrap_of_means(groups)
    return Summary(name, sets, Mean(sum(means) / max(len(means), 1), low, high))


def difference(one: Summary, other: Summary) -> Mean | None:
    """How much better `other` is than `one` in the mean score of the examples both have: paired,
    so that what both find hard does not widen the interval. None where they share none."""
    first, second = _flat(one), _flat(other)
    values = [second[uid] - first[uid] for uid in first if uid in second]
    if not values:
        return None
    return Mean(sum(values) / len(values), *bootstrap(values))


def _flat(summary: Summary) -> dict[tuple[str, str], float]:
    return {(s.name, uid): value for s in summary.sets for uid, value in s.by_example.items()}


def _set(name: str, scored: Sequence[Scored]) -> SetScore:
    groups: dict[str, list[Scored]] = {}
    for one in scored:
        groups.setdefault(one.uid, []).append(one)
    judged = any(one.asked for one in scored)
    means = {}
    for metric in METRICS:
        if metric == "judge" and not judged:
            continue
        values = [
            sum(getattr(one, metric) or 0.0 for one in group) / len(group)
            for group in groups.values()
        ]
        means[metric] = _mean(values)
    least = min(len(group) for group in groups.values())
    passes = {
        k: _mean(
            [
                pass_at_k(len(group), sum(one.score >= 1 for one in group), k)
                for group in groups.values()
            ]
        )
        for k in range(1, min(least, MOST_K) + 1)
    }
    counted = [one.tokens_in for one in scored if one.tokens_in is not None]
    return SetScore(
        name=name,
        examples=len(groups),
        samples=len(scored),
        failed=sum(bool(one.error) for one in scored),
        unparsed=sum(not one.error and one.answer is None for one in scored),
        cut=sum(not one.error and not one.finished for one in scored),
        unjudged=sum(one.asked and one.judge is None for one in scored),
        tokens_in=sum(counted) / len(counted) if counted else None,
        means=means,
        passes=passes,
        by_example={
            uid: sum(one.score for one in group) / len(group) for uid, group in groups.items()
        },
    )


def _mean(values: Sequence[float]) -> Mean:
    return Mean(sum(values) / len(values), *interval(values))
