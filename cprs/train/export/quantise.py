"""Quantisation of an encoder's linears to int8 weights and uint8 inputs.

Three measures keep it close to the original, all computed from what the linears see on
calibration texts. Smoothing (SmoothQuant, arXiv 2211.10438, eq. 4): outlying input channels are
divided by s = max|x|^a / max|w|^(1-a) and their weights multiplied, with `a` chosen per linear
by the error of its output. Bias correction (arXiv 1906.04721, section 4.2): the mean of the
remaining error is taken off the bias. And weights use 7 of their 8 bits: on CPUs without VNNI,
products are added in pairs as 16-bit integers, which 8-bit weights overflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cprs.train.export.graph import Floats, Int8Linear, Linear

WEIGHT_LEVELS = 63
EXPONENTS = (0.5, 0.6, 0.7, 0.8)
ROWS_PER_WINDOW = 48


@dataclass(slots=True)
class Seen:
    """What a linear got as input: per channel least and greatest (n,), and sampled rows."""

    least: Floats
    greatest: Floats
    rows: list[Floats]

    @property
    def reach(self) -> Floats:
        """The greatest absolute value per channel."""
        return np.maximum(np.maximum(-self.least, self.greatest), 1e-5)


def observe(inputs: Iterable[Mapping[str, Floats]]) -> dict[str, Seen]:
    """Gather what each linear sees; `inputs` gives a window's (t, n) input per linear."""
    seen: dict[str, Seen] = {}
    random = np.random.default_rng(0)
    for window in inputs:
        for name, x in window.items():
            rows = x[random.integers(0, len(x), ROWS_PER_WINDOW)]
            least, greatest = x.min(axis=0), x.max(axis=0)
            known = seen.get(name)
            if known is None:
                seen[name] = Seen(least, greatest, [rows])
            else:
                known.least = np.minimum(known.least, least)
                known.greatest = np.maximum(known.greatest, greatest)
                known.rows.append(rows)
    return seen


def quantise(
    linears: Mapping[str, Linear], seen: Mapping[str, Seen], *, layers: int
) -> dict[str, Int8Linear]:
    """Every one of `linears` that was seen, in int8. Of each of `layers`, "<layer>.out" reads what
    the last third of "<layer>.qkv" gives.

    The attention output's smoothing moves into the value part of the layer's `qkv`, which costs
    nothing; the others are a multiplication each.
    """
    exact, found = dict(linears), {}
    for layer in range(layers):
        out, smoothing = _quantise(exact[f"{layer}.out"], seen[f"{layer}.out"])
        found[f"{layer}.out"] = replace(out, inverse=None)
        qkv = exact[f"{layer}.qkv"]
        divide = np.concatenate([np.ones(2 * len(smoothing), np.float32), smoothing])
        exact[f"{layer}.qkv"] = Linear(qkv.weight / divide, qkv.bias / divide)
    for name in seen.keys() - found.keys():
        found[name] = _quantise(exact[name], seen[name])[0]
    return found


def _quantise(linear: Linear, seen: Seen) -> tuple[Int8Linear, Floats]:
    """The best of the exponents, and its smoothing vector."""
    x = np.concatenate(seen.rows)
    exact = x @ linear.weight
    strength = np.maximum(np.abs(linear.weight).max(axis=1), 1e-5)
    best: tuple[float, Int8Linear, Floats] | None = None
    for exponent in EXPONENTS:
        smoothing = seen.reach**exponent / strength ** (1 - exponent)
        smoothing = np.maximum(smoothing / smoothing.mean(), 1e-3).astype(np.float32)
        candidate, error = _attempt(linear, seen, smoothing, x, exact)
        if best is None or error < best[0]:
            best = error, candidate, smoothing
    assert best is not None
    return best[1], best[2]


def _attempt(
    linear: Linear, seen: Seen, smoothing: Floats, x: Floats, exact: Floats
) -> tuple[Int8Linear, float]:
    least = min(0.0, float((seen.least / smoothing).min()))
    greatest = max(0.0, float((seen.greatest / smoothing).max()))
    scale = np.float32(max(greatest - least, 1e-6) / 255)
    zero = np.uint8(np.clip(round(-least / float(scale)), 0, 255))
    inverse = (1 / smoothing).astype(np.float32)

    weight = linear.weight * smoothing[:, None]
    weight_scale = (np.maximum(np.abs(weight).max(axis=0), 1e-8) / WEIGHT_LEVELS).astype(np.float32)
    codes = np.rint(weight / weight_scale).astype(np.int8)

    level = np.clip(np.rint(x * inverse / scale) + np.float32(zero), 0, 255) - np.float32(zero)
    error = (level * scale) @ (codes * weight_scale) - exact
    shift: NDArray[np.float32] = error.mean(axis=0)
    result = Int8Linear(
        weight=codes,
        weight_scale=weight_scale,
        bias=linear.bias - shift,
        inverse=inverse,
        scale=scale,
        zero=zero,
    )
    return result, float(np.square(error - shift).mean())
