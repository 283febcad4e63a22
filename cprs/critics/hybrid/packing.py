"""Windows into steps: which of them are read together, and as which tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from cprs_kernels import Packed
from numpy.typing import NDArray
from torch import Tensor

Ids = NDArray[np.int32]


def fill(waiting: Sequence[tuple[int, int]], *, budget: int, mixes: bool) -> list[int]:
    """The numbers of those windows that go first: of all that wait, each (prompt, tokens), the
    first one and what fits into `budget` tokens with it. Prompts are numbers; with `mixes` windows
    under several of them are read together.

    Of windows under one prompt none overtakes another. They come prompt by prompt, longest first
    and equals in their order: a GPU ends sooner that has begun with what takes longest.

    >>> fill([(0, 3), (1, 4), (0, 5), (1, 1)], budget=8, mixes=True)
    [0, 1, 3]
    >>> fill([(0, 3), (1, 4), (0, 5), (1, 1)], budget=8, mixes=False)
    [2, 0]
    """
    taken: list[int] = []
    full: set[int] = set()
    room = budget
    for number, (prompt, tokens) in enumerate(waiting):
        if prompt in full or (not mixes and prompt != waiting[0][0]):
            continue
        if taken and tokens > room:
            full.add(prompt)
            continue
        taken.append(number)
        room -= tokens
    return sorted(taken, key=lambda i: (waiting[i][0], -waiting[i][1]))


@dataclass(frozen=True, slots=True)
class Step:
    """Windows as one tensor: `ids` (n,) int64 and where each of them lies, behind one prefix."""

    ids: Tensor
    packed: Packed

    @classmethod
    def of(cls, windows: Sequence[Ids], *, prefix: int, device: torch.device) -> Step:
        """Windows' ids on `device`; the copy to a GPU is not waited for."""
        ids = torch.from_numpy(np.concatenate(windows).astype(np.int64))
        packed = Packed.of([len(window) for window in windows], prefix=prefix)
        starts = on_device(packed.starts, device)
        return cls(on_device(ids, device), Packed(starts, packed.longest, prefix))


def on_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on `device`, not waited for."""
    if device.type != "cuda":
        return tensor.to(device)
    # Only what is pinned is copied while both sides go on working; torch keeps the pinned memory
    # until the copy is done.
    return tensor.pin_memory().to(device, non_blocking=True)


def on_host(tensor: Tensor) -> Tensor:
    """A tensor on the CPU, whose values are there once its device has come so far."""
    if tensor.device.type != "cuda":
        return tensor
    there = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return there.copy_(tensor, non_blocking=True)
