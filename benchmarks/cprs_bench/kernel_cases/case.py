"""What a case is: one kernel at one model's shape, beside others that do the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Run = Callable[..., Any]
EPSILON = 1e-6
"""Qwen2's, in norms."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's sizes and a batch: windows of one length behind a prompt of `prefix` tokens."""

    name: str
    hidden: int
    inner: int
    heads: int
    key_heads: int
    size: int
    words: int
    windows: int
    length: int
    prefix: int

    @property
    def tokens(self) -> int:
        """Tokens in the batch."""
        return self.windows * self.length


SHAPES = (
    Shape("7B", 3584, 18_944, 28, 4, 128, 152_064, 4, 8192, 256),
    Shape("0.5B", 896, 4864, 14, 2, 64, 151_936, 32, 2048, 256),
)
"""Qwen2's sizes, 32,768 and 65,536 tokens."""
TINY = (Shape("tiny", 32, 48, 2, 1, 16, 150, 2, 4, 3),)
"""For a rehearsal without a GPU."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kernel at one shape.

    `make` gives its inputs, `exact` what comes of them in float32. `contenders` maps names to
    functions of the inputs, ours first; what they return may be `within` of it (norm of the
    difference by norm). `built`: those that torch.compile takes seconds to build. `bytes` that
    must move, or `flops` that must be done, make the rate.
    """

    kernel: str
    shape: str
    about: str
    make: Callable[[], tuple[Any, ...]]
    exact: Run
    contenders: dict[str, Run]
    within: float
    built: dict[str, Run] = field(default_factory=dict)
    bytes: int = 0
    flops: int = 0


@dataclass(frozen=True, slots=True)
class Bench:
    """Where cases run: the device, the type of numbers, and how torch.compile compiles."""

    device: torch.device
    dtype: torch.dtype
    backend: str

    @property
    def item(self) -> int:
        """Bytes of a number."""
        return int(self.dtype.itemsize)

    def numbers(self, *shape: int, scale: float = 1.0) -> Tensor:
        """Normally distributed numbers."""
        return torch.randn(*shape, device=self.device, dtype=self.dtype) * scale

    def compiled(self, function: Run) -> Run:
        """`function` under torch.compile, for these shapes alone."""
        made: Run = torch.compile(function, dynamic=False, backend=self.backend)
        return made
