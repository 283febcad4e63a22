"""Difficulty-aware retrospective sampling (eq. 10): hard examples of a phase come again in the
next.

The paper weighs by diff(x, c) = 1 / mean{r_i}, which has no value for exactly those that it keeps:
the ones that nobody of a group got right. So the floor is explicit here, and choosing only them is
a mode of its own. How many are kept, and whether twice, the paper does not say.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from cprs.errors import OptionError, unknown

MODES = ("zero_only", "weighted")


def difficulty(mean: float, *, floor: float) -> float:
    """diff = 1 / (mean{r_i} + floor) (eq. 10). With the floor at 1/G, the smallest mean above 0,
    means of 0, 1/8, 1/2 and 1 in groups of 8 weigh 8, 4, 1.6 and 0.9; a floor close to 0 leaves
    only those at 0. Raises `OptionError` for one that is not above 0."""
    if floor <= 0:
        raise OptionError(f"the floor of difficulty must be above 0, got {floor}")
    return 1 / (mean + floor)


@dataclass(frozen=True, slots=True)
class Retained:
    """What a draw came to: the `uids` in the order drawn, the difficulty of each of the
    `candidates`, and how many of them nobody got right (`hopeless`)."""

    uids: tuple[str, ...]
    weights: Mapping[str, float]
    hopeless: int

    @property
    def candidates(self) -> int:
        """How many were drawn from."""
        return len(self.weights)


@dataclass(slots=True)
class Tracker:
    """Accuracies, by example, as groups of outputs were judged; before any shaping by length.

    `latest` groups count for an example's mean, 0 for all.
    """

    latest: int = 1
    _seen: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    def record(self, uid: str, accuracies: Sequence[float]) -> None:
        """Remember a group. Raises `OptionError` for an empty one."""
        if not accuracies:
            raise OptionError(f"the group of outputs for {uid!r} is empty: nothing was sampled")
        groups = self._seen.setdefault(uid, [])
        groups.append((float(sum(accuracies)), len(accuracies)))
        if self.latest:
            del groups[: -self.latest]

    def means(self) -> dict[str, float]:
        """The mean accuracy of every example seen."""
        return {
            uid: sum(total for total, _ in groups) / sum(count for _, count in groups)
            for uid, groups in self._seen.items()
        }

    def state(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {"latest": self.latest, "seen": self._seen}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Tracker:
        """The tracker that `state` came from."""
        seen = {
            uid: [(float(total), int(count)) for total, count in groups]
            for uid, groups in state["seen"].items()
        }
        return cls(int(state["latest"]), seen)


def retain(
    means: Mapping[str, float],
    *,
    count: int,
    seed: int,
    mode: str = "weighted",
    floor: float = 0.125,
    replace: bool = False,
) -> Retained:
    """Draw `count` examples, by their difficulty (`weighted`), or evenly of those with a mean of 0
    (`zero_only`, what the paper reports). Fewer where there are not as many and none may come
    twice. The same seed draws the same, whatever the order of `means`."""
    if mode not in MODES:
        raise unknown("retention mode", mode, MODES)
    if count < 0:
        raise OptionError(f"retained examples must be at least 0, got {count}")
    hopeless = sum(mean == 0 for mean in means.values())
    weights = {
        uid: difficulty(means[uid], floor=floor) if mode == "weighted" else 1.0
        for uid in sorted(means)
        if mode == "weighted" or means[uid] == 0
    }
    chance = random.Random(seed)
    uids = list(weights)
    if not uids or not count:
        return Retained((), weights, hopeless)
    if replace:
        totals = list(accumulate(weights.values()))
        drawn = chance.choices(uids, cum_weights=totals, k=count)
    else:
        # The largest u^(1/w) of all: weighted drawing without replacement (Efraimidis, Spirakis).
        keys = {uid: chance.random() ** (1 / weight) for uid, weight in weights.items()}
        drawn = sorted(uids, key=keys.__getitem__, reverse=True)[:count]
    return Retained(tuple(drawn), weights, hopeless)
