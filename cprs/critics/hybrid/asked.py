"""What waits before the model: windows under a prompt, and what has been found of them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cprs.critics.hybrid.held import Begun
from cprs.critics.hybrid.model import HybridModel, Prefix
from cprs.critics.hybrid.packing import Ids, on_device

Found = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Of a window's t tokens: tags (t, 4), and labels (t, 1 + L) where they were asked for."""


class Prompt:
    """What stands before windows: its tokens `ids` (p,) and the LM head's `rows` (1 + L,) int64 of
    "outside" and the labels, or None. Its states are computed once, when they are first shared."""

    def __init__(self, ids: Ids, rows: NDArray[np.int64] | None = None) -> None:
        self.ids = ids
        self.rows = None if rows is None else torch.from_numpy(rows)
        self._prefix: Prefix | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def prefix(self, model: HybridModel) -> Prefix:
        """Its states. For one thread."""
        if self._prefix is None:
            ids = torch.from_numpy(self.ids.astype(np.int64))
            self._prefix = model.prefix(on_device(ids, model.device))
        return self._prefix


class Stage(Enum):
    """What layers read windows: all, those before the probe, or those behind it."""

    WHOLE = auto()
    BEGIN = auto()
    END = auto()


@dataclass(eq=False, slots=True)
class Asked:
    """Windows under one prompt, and what has been found of them: `Found`, but in the first stage
    of two `Begun`. In the second the windows themselves are those."""

    prompt: Prompt
    windows: Sequence[Ids | Begun]
    stage: Stage = Stage.WHOLE
    future: Future[list[Any]] = field(default_factory=Future)
    dropped: bool = False
    _found: dict[int, Found | Begun] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether anybody still wants to know."""
        return not self.dropped and not self.future.done()

    def put(self, number: int, found: Found | Begun) -> None:
        """What was found of one of the windows."""
        self._found[number] = found
        if len(self._found) == len(self.windows) and not self.future.done():
            self.future.set_result([self._found[i] for i in range(len(self.windows))])

    def fail(self, error: BaseException) -> None:
        """Raise `error` where this was asked."""
        if not self.future.done():
            self.future.set_exception(error)


One = tuple[Asked, int]
"""One window of those asked about."""
