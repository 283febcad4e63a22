"""Rotary positions (Su et al. 2021, arXiv 2104.09864) as a checkpoint's configuration has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.errors import WeightsError

KINDS = ("default", "linear", "yarn")
_THETA, _FAST, _SLOW = 10_000.0, 32.0, 1.0


@dataclass(frozen=True, slots=True)
class Rope:
    """Base `theta`, and how positions behind the `original` number of them are squeezed by
    `factor`: not ("default"), all alike ("linear"), or slow dimensions more than fast ones
    ("yarn", Peng et al. 2023, arXiv 2309.00071, between `fast` and `slow` turns); `scale` is what
    cosines and sines are multiplied by."""

    theta: float = _THETA
    kind: str = "default"
    factor: float = 1.0
    original: int = 0
    fast: float = _FAST
    slow: float = _SLOW
    scale: float = 1.0

    @classmethod
    def of(cls, config: Mapping[str, Any], *, where: str) -> Rope:
        """From `rope_theta` and `rope_scaling`, or `rope_parameters`, of a configuration.

        Raises `WeightsError` for a kind of scaling that this family is not trained with.
        """
        found = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
        kind = str(found.get("rope_type", found.get("type", "default")))
        if kind not in KINDS:
            raise WeightsError(
                f"{where}: rotary positions scaled by {kind!r} are not supported;"
                f" known: {', '.join(KINDS)}"
            )
        try:
            theta = float(found.get("rope_theta", config.get("rope_theta", _THETA)))
            if kind == "default":
                return cls(theta=theta)
            factor = float(found["factor"])
            given = found.get("original_max_position_embeddings")
            return cls(
                theta=theta,
                kind=kind,
                factor=factor,
                original=int(given or config["max_position_embeddings"]),
                fast=float(found.get("beta_fast") or _FAST),
                slow=float(found.get("beta_slow") or _SLOW),
                scale=_scale(found, factor) if kind == "yarn" else 1.0,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{where}: rotary positions cannot be read: {error!r}") from error

    def reach(self, positions: int) -> int:
        """Positions that can be told apart, of `positions` that the configuration names."""
        return max(positions, int(self.original * self.factor))

    def frequencies(self, width: int) -> NDArray[np.float64]:
        """What a position is multiplied by, for each of the `width` // 2 pairs of dimensions."""
        turns = self.theta ** -(np.arange(0, width, 2, dtype=np.float64) / width)
        if self.kind == "default":
            return turns
        if self.kind == "linear":
            return turns / self.factor
        low, high = (self._pair(rotations, width) for rotations in (self.fast, self.slow))
        low, high = max(floor(low), 0), min(ceil(high), width - 1)
        squeezed = np.clip((np.arange(width // 2) - low) / max(high - low, 1e-3), 0, 1)
        return turns * (1 - squeezed) + turns / self.factor * squeezed

    def _pair(self, rotations: float, width: int) -> float:
        """The pair of dimensions that turns so often within the original positions."""
        return width * log(self.original / (rotations * 2 * pi)) / (2 * log(self.theta))


def _scale(found: Mapping[str, Any], factor: float) -> float:
    """YaRN's attention factor, §3.4: 0.1 ln(factor) + 1 where none is given."""
    if found.get("attention_factor") is not None:
        return float(found["attention_factor"])
    if found.get("mscale") and found.get("mscale_all_dim"):
        return _log(factor, float(found["mscale"])) / _log(factor, float(found["mscale_all_dim"]))
    return _log(factor, 1.0)


def _log(factor: float, weight: float) -> float:
    return 0.1 * weight * log(factor) + 1 if factor > 1 else 1.0
