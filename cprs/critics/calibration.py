"""A map from what a critic says to what is true: log-odds to log-odds, rising, piecewise linear.

It never changes which of two passages stands higher, so rankings and budgets stay as they are;
only probabilities, and what a threshold keeps, change. `cprs.train.measure.calibrate` fits one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.errors import WeightsError
from cprs.guidance import Guidance

DECIMALS = 3
"""Log-odds are rounded to this before they are mapped, never after: that would make ties."""
FARTHEST = 30.0
KNOTS = 16
"""Knots a map has at most."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Knots (before, after), both strictly rising, and straight lines between them.

    Outside the knots the first and the last line go on, with a slope of 1 at most: what was never
    seen is not made more certain than the critic is. One knot is a shift. Raises `ValueError` for
    knots that do not rise, are none or more than `KNOTS`, or are not finite.
    """

    before: tuple[float, ...] = (0.0,)
    after: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        if not 1 <= len(self.before) == len(self.after) <= KNOTS:
            raise ValueError(
                f"1 to {KNOTS} knots with two numbers each, "
                f"got {len(self.before)} and {len(self.after)}"
            )
        for name, values in (("before", self.before), ("after", self.after)):
            if not np.isfinite(values).all():
                raise ValueError(f"{name!r} holds what is not a finite number")
            if (np.diff(values) <= 0).any():
                raise ValueError(f"{name!r} does not rise")

    def apply(self, odds: NDArray[np.floating[Any]]) -> Floats:
        """Calibrated log-odds of log-odds, any shape, float64. Rising, whatever the rounding:
        a ≤ b gives `apply(a)` ≤ `apply(b)`. The same bits whatever else is in the array."""
        x = np.asarray(odds, np.float64)
        before, after = np.array(self.before), np.array(self.after)
        between = np.diff(after) / np.diff(before)
        ends = np.minimum(between[[0, -1]], 1.0) if len(between) else np.ones(2)
        slopes = np.concatenate([ends[:1], between, ends[1:]])
        # Line i ends at knot i; the last rounding must not carry it past the next line's start.
        line = np.searchsorted(before, x, side="right")
        knot = np.maximum(line - 1, 0)
        along = after[knot] + slopes[line] * (x - before[knot])
        mapped: Floats = np.minimum(along, np.append(after, np.inf)[line])
        return mapped

    def probability(self, odds: NDArray[np.floating[Any]]) -> Floats:
        """The share of passages with such log-odds that is evidence."""
        mapped = self.apply(np.round(np.asarray(odds, np.float64), DECIMALS))
        share: Floats = 1 / (1 + np.exp(-np.clip(mapped, -FARTHEST, FARTHEST)))
        return share

    def to_json(self) -> dict[str, Any]:
        """The knots, as a value for `json.dumps`."""
        return {"before": list(self.before), "after": list(self.after)}

    @classmethod
    def from_json(cls, value: Any, *, where: str = "calibration") -> Calibration:
        """What `to_json` gave. Raises `WeightsError` naming `where` for anything else."""
        try:
            if set(value) != {"before", "after"}:
                raise ValueError("it must hold 'before' and 'after' and nothing else")
            if not all(type(x) in (int, float) for knots in value.values() for x in knots):
                raise ValueError("its knots must be numbers")
            return cls(tuple(map(float, value["before"])), tuple(map(float, value["after"])))
        except (ValueError, TypeError, AttributeError) as error:
            raise WeightsError(
                f"{where}: not a calibration ({error}); fit it again or reinstall cprs"
            ) from error


@dataclass(frozen=True, slots=True)
class Meaning:
    """What log-odds mean, and the score above which a unit is kept when nothing else decides
    (None: as the prior has it)."""

    calibration: Calibration = field(default_factory=Calibration)
    threshold: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Both, as a value for `json.dumps`."""
        return {"calibration": self.calibration.to_json(), "threshold": self.threshold}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], *, where: str) -> Meaning:
        """What `to_json` gave. Raises `WeightsError` naming `where` for anything else."""
        threshold = value.get("threshold")
        if threshold is not None and not (type(threshold) in (int, float) and 0 <= threshold <= 1):
            raise WeightsError(f"{where}: threshold must lie between 0 and 1, got {threshold!r}")
        return cls(Calibration.from_json(value.get("calibration"), where=where), threshold)


@dataclass(frozen=True, slots=True)
class Meanings:
    """What scores mean under a query, and under an `instruction` alone where that is known apart:
    what is asked for then is a kind of thing, which is there or is not, and not what may help."""

    query: Meaning = field(default_factory=Meaning)
    instruction: Meaning | None = None

    def under(self, guidance: Guidance) -> Meaning:
        """What holds under `guidance`."""
        return self.query if guidance.query or self.instruction is None else self.instruction

    def to_json(self) -> dict[str, Any]:
        """All of it, as a value for `json.dumps`."""
        apart = self.instruction and self.instruction.to_json()
        return {**self.query.to_json(), "instruction": apart}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], *, where: str) -> Meanings:
        """What `to_json` gave. Raises `WeightsError` naming `where` for anything else."""
        apart = value.get("instruction")
        return cls(
            Meaning.from_json(value, where=where),
            Meaning.from_json(apart, where=where) if apart else None,
        )
