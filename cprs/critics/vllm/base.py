"""What runs sequences through a hybrid for `VllmCritic`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
Logits = NDArray[np.float32]


class Runner(Protocol):
    """A vLLM with the hybrid on it. Safe to call from several threads."""

    @property
    def any_label(self) -> bool:
        """Whether a request may name its own label rows."""
        ...

    @property
    def block(self) -> int:
        """Tokens of which a prompt must have a multiple."""
        ...

    def run(self, prompt: Ids, windows: Sequence[Ids], rows: Sequence[int]) -> list[Logits]:
        """Logits (t, 4 + R) of each window's t tokens behind `prompt` (p,): B I O E, then the LM
        head's `rows` (R,), or the server's own where it takes no others, or none at all.

        Raises `ServiceError`.
        """
        ...

    def close(self) -> None:
        """Let go of what runs it."""
        ...
