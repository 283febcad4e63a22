"""fp8 (W8A8): weights in e4m3 with a scale per row, tokens quantised as they come by.

A prefill is bound by its products, which fp8 doubles the speed of; weights alone in fp8 would gain
nothing. Norms, attention, the residual stream and both heads stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from cprs_kernels.fp8 import Quantised, fp8_available, quantise, scaled_matmul
from torch import Tensor

from cprs.errors import OptionError

FP8 = "fp8"
"""The name of this precision among a critic's dtypes."""


class Fp8Linear:
    """x Wᵀ + b over quantised rows: W (o, i) is kept in e4m3, a scale for each of its rows."""

    fp8 = True

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        found = quantise(weight)
        self.weight = found.values
        self.scale = found.scale
        self.bias = bias
        self._dtype = weight.dtype

    def __call__(self, x: Quantised | Tensor) -> Tensor:
        """(n, i) to (n, o). What nobody quantised before (attention's output) is quantised here."""
        rows = x if isinstance(x, Quantised) else quantise(x)
        return scaled_matmul(rows, self.weight, self.scale, bias=self.bias, dtype=self._dtype)


def check_fp8(device: torch.device) -> None:
    """Raises `OptionError` where `device` is a GPU without fp8. A CPU computes the same, slowly."""
    if device.type == "cpu" or fp8_available(device):
        return
    name = torch.cuda.get_device_name(device) if torch.cuda.is_available() else str(device)
    raise OptionError(
        f"dtype='fp8' needs a GPU with fp8 products (NVIDIA's from Ada and Hopper on), which"
        f" {name} is not: use dtype='bfloat16'"
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two precisions agree on `tokens`: the share with the same tag, the share with the
    same side of it (O or not), and the largest difference of a probability."""

    tokens: int
    tags: float
    sides: float
    largest: float


def agreement(first: Sequence[Tensor], second: Sequence[Tensor], *, outside: int = 2) -> Agreement:
    """Compare probabilities (n, 4) over B I O E of the same windows, under two precisions."""
    a, b = (torch.cat([t.float().cpu() for t in each]) for each in (first, second))
    if a.shape != b.shape:
        raise OptionError(f"not of the same windows: {tuple(a.shape)} and {tuple(b.shape)}")
    if not len(a):
        return Agreement(0, 1.0, 1.0, 0.0)
    x, y = a.argmax(1), b.argmax(1)
    return Agreement(
        tokens=len(a),
        tags=float((x == y).float().mean()),
        sides=float(((x == outside) == (y == outside)).float().mean()),
        largest=float((a - b).abs().max()),
    )
