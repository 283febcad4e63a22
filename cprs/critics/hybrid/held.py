"""Windows that were begun: their rows wait on the device for the layers behind the probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from cprs_kernels import Packed, compact
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Rows (n, h) of windows of `lengths`, `packed` behind a prompt."""

    rows: Tensor
    packed: Packed
    lengths: tuple[int, ...]

    def only(self, places: Sequence[int]) -> Held:
        """Those of its windows that have these places, rising; the others' rows are left out."""
        if len(places) == len(self.lengths):
            return self
        keep = torch.zeros(len(self.lengths), dtype=torch.bool)
        keep[list(places)] = True
        keep = keep.to(self.rows.device)
        packed, (rows,) = compact(keep, self.packed, self.rows)
        return Held(rows, packed, tuple(self.lengths[place] for place in places))

    @classmethod
    def joined(cls, parts: Sequence[Held]) -> Held:
        """The windows of all parts, one after another."""
        if len(parts) == 1:
            return parts[0]
        lengths = tuple(length for part in parts for length in part.lengths)
        first = parts[0]
        packed = Packed.of(lengths, prefix=first.packed.prefix, device=first.rows.device)
        return cls(torch.cat([part.rows for part in parts]), packed, lengths)


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """One window of those held, by its place, and the probe's probabilities (t, 4) of B I O E."""

    tags: NDArray[np.float32]
    held: Held
    place: int

    def __len__(self) -> int:
        return len(self.tags)
