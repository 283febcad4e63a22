"""Token states as a cache keeps them: int8 with a scale per token."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import State


def pack(states: NDArray[np.float32]) -> State:
    """Token states (t, d) as int8 (t, d) and a scale per token (t,) float32."""
    scale = np.maximum(np.abs(states).max(axis=1, initial=0), 1e-9) / 127
    return np.rint(states / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def unpack(state: State) -> NDArray[np.float32]:
    """The states `pack` packed, to within half a step of their scale."""
    quantised, scale = state
    states: NDArray[np.float32] = quantised.astype(np.float32) * scale[:, None]
    return states
