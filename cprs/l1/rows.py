"""A step of a run as a row of its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cprs.l1.dynamic_sampling import Sampled
from cprs.l1.learner import Learnt
from cprs.l1.record import Row

Counted = Callable[[Sequence[str]], Mapping[str, float | None]]
"""Mean counts of behaviours per output, None where nobody could count."""


def row_of(
    step: int,
    stage: str,
    learnt: Learnt,
    sampled: Sampled | None = None,
    *,
    retained: set[str],
    rate: float,
    over_limit: int,
    unjudged: int,
    reference: bool,
    sampler_gap: float | None,
    counted: Counted,
) -> Row:
    """What a step learnt and, in a phase, what it was sampled from; `counted` counts behaviours in
    its outputs."""
    if sampled is None or not sampled.groups:
        return Row(
            step,
            stage,
            learnt.loss,
            learnt.updates,
            gradient=learnt.gradient,
            rate=rate,
            over_limit=over_limit,
        )
    pairs = [
        (group.example.uid, rollout, judged)
        for group in sampled.groups
        for rollout, judged in zip(group.rollouts, group.judged, strict=True)
    ]
    again = [one.accuracy for uid, _, one in pairs if uid in retained]
    learned = learnt.updates > 0
    return Row(
        step=step,
        stage=stage,
        loss=learnt.loss,
        updates=learnt.updates,
        reward=_mean([one.reward for _, _, one in pairs]),
        accuracy=_mean([one.accuracy for _, _, one in pairs]),
        kept_accuracy=_mean([group.accuracy for group in sampled.kept]),
        kl=learnt.kl if reference and learned else None,
        drift=learnt.drift if learned else None,
        entropy=learnt.entropy if learned else None,
        clipped=learnt.clipped if learned else None,
        length=_mean([float(len(rollout.ids)) for _, rollout, _ in pairs]),
        finished=_mean([float(rollout.finished) for _, rollout, _ in pairs]),
        kept=len(sampled.kept),
        dropped_right=sampled.right,
        dropped_wrong=sampled.wrong,
        rounds=sampled.rounds,
        retained=len(again),
        retained_accuracy=_mean(again),
        over_limit=over_limit,
        unjudged=unjudged,
        gradient=learnt.gradient,
        rate=rate,
        sampler_gap=sampler_gap,
        **counted([rollout.text for _, rollout, _ in pairs]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
