"""Windows of different lengths in one tensor, without padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cprs_kernels.errors import ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Where each window's rows lie in tensors whose first axis runs over all windows' tokens.

    Window i holds the rows `starts[i]:starts[i + 1]`. Each window stands behind the same prefix
    of `prefix` tokens, whose rows are held once and elsewhere. Windows may be empty.

    starts   (windows + 1,) int32, ascending, the first 0, the last the number of rows; on the
             device of the tensors it describes
    longest  rows of the longest window, or any number that is not smaller: it bounds the work
             that is launched without asking the device
    prefix   tokens before every window
    """

    starts: Tensor
    longest: int
    prefix: int = 0

    @classmethod
    def of(
        cls,
        lengths: Sequence[int],
        *,
        prefix: int = 0,
        device: torch.device | str | None = None,
    ) -> Packed:
        """Windows of these many rows each; ShapeError where one is negative."""
        if prefix < 0 or min(lengths, default=0) < 0:
            raise ShapeError("the lengths of windows and of the prefix cannot be negative")
        starts = torch.zeros(len(lengths) + 1, dtype=torch.int32)
        torch.cumsum(torch.tensor(lengths, dtype=torch.int32), 0, out=starts[1:])
        return cls(starts.to(device), max(lengths, default=0), prefix)

    @property
    def windows(self) -> int:
        """How many windows there are, empty ones included."""
        return len(self.starts) - 1

    def owners(self, rows: int) -> Tensor:
        """(rows,) int64: the window of each row; `rows` is the last of `starts`, which the caller
        knows from a tensor's shape without waiting for the device."""
        numbers = torch.arange(rows, dtype=torch.int32, device=self.starts.device)
        return torch.searchsorted(self.starts, numbers, right=True) - 1

    def positions(self, rows: int) -> Tensor:
        """(rows,) int32: each row's position in [prefix ; its window], as rotary embeddings
        count."""
        numbers = torch.arange(rows, dtype=torch.int32, device=self.starts.device)
        return numbers - self.starts[self.owners(rows)] + self.prefix
