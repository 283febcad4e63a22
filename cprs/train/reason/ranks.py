"""What a training loop asks of the processes that share its steps, and the answers of one alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from cprs.train.reason.collate import Goals
from cprs.train.reason.reasoner import Outputs


class Ranks(Protocol):
    """Processes that take every step together. Each sees all of a step's samples and reads its own
    `share` of them; what the model says of them is `joined`, so that each computes the same loss.
    """

    @property
    def size(self) -> int:
        """How many there are."""

    @property
    def first(self) -> bool:
        """Whether this one writes and reports."""

    def share(self, count: int) -> Sequence[int]:
        """Which of `count` samples this process reads: there may be none."""

    def joined(self, said: Outputs, own: Sequence[int], goals: Goals) -> Outputs:
        """What is said of all samples, of what is said of one's `own`; of those alone it has
        gradients."""

    def whole(self, state: Any) -> Any:
        """A tree of tensors with the whole of each that is kept in parts, in the `first` alone.
        All must ask."""

    def part(self, whole: Tensor, like: Tensor) -> Tensor:
        """The part of a tensor that this process keeps of one `like` it."""


class Alone:
    """One process, which has everything."""

    size = 1
    first = True

    def share(self, count: int) -> Sequence[int]:
        """All of them."""
        return range(count)

    def joined(self, said: Outputs, own: Sequence[int], goals: Goals) -> Outputs:
        """As it is said."""
        return said

    def whole(self, state: Any) -> Any:
        """As it is."""
        return state

    def part(self, whole: Tensor, like: Tensor) -> Tensor:
        """The whole."""
        return whole


ALONE = Alone()
