"""A weight as a function, so that others can take its place: in fp8, or with an adapter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor
from torch.nn import functional


class Linear(Protocol):
    """x (n, i) to x Wᵀ + b (n, o). `fp8`: x comes quantised where what makes it can do that."""

    fp8: bool

    def __call__(self, x: Any) -> Tensor: ...


MakeLinear = Callable[[Tensor, Tensor | None], Linear]
"""From a weight (o, i) and a bias (o,) or None, both where they are to stay."""


class Dense:
    """In the weights' own type."""

    fp8 = False

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight = weight
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        """(n, i) to (n, o)."""
        return functional.linear(x, self.weight, self.bias)
