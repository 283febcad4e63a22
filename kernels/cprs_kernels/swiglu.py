"""SwiGLU of a fused gate and up projection.

    y = silu(gate) · up      silu(z) = z / (1 + e^(-z))      computed in float32, rounded once

Shazeer 2020, arXiv 2002.05202, §2. Backward, with σ = 1 / (1 + e^(-gate)): dgate = dy · up · σ ·
(1 + gate · (1 - σ)), dup = dy · gate · σ.

What it adds over torch: one pass, two reads and one write per value, where silu and product take
five; and (`fp8`) the quantised operand of the down projection. torch.compile gives the first.
"""

from __future__ import annotations

from typing import Any, Literal, overload

import torch
from torch import Tensor

from cprs_kernels.dispatch import Implementation, choose
from cprs_kernels.fp8 import Quantised, quantise_reference
from cprs_kernels.rows import as_rows, check, check_no_gradient, row_obstacle, wide


@overload
def swiglu(
    gate_up: Tensor, *, fp8: Literal[False] = ..., implementation: Implementation | None = ...
) -> Tensor: ...
@overload
def swiglu(
    gate_up: Tensor, *, fp8: Literal[True], implementation: Implementation | None = ...
) -> Quantised: ...
@overload
def swiglu(
    gate_up: Tensor, *, fp8: bool = ..., implementation: Implementation | None = ...
) -> Tensor | Quantised: ...
def swiglu(
    gate_up: Tensor, *, fp8: bool = False, implementation: Implementation | None = None
) -> Tensor | Quantised:
    """`gate_up` (..., 2f), the gate's f values before those of the up projection → (..., f).

    `fp8`: `Quantised` (n, f), a scale per token, without a gradient.
    """
    width = gate_up.shape[-1] if gate_up.ndim else 0
    check(width > 0 and width % 2 == 0, f"gate and up side by side, not {tuple(gate_up.shape)}")
    if fp8:
        check_no_gradient("an fp8 output", gate_up)
    obstacles: dict[Implementation, str | None] = {
        "triton": row_obstacle(gate_up, fp8=fp8),
        "reference": None,
    }
    if choose(implementation, obstacles, device=gate_up.device) == "reference":
        return _reference(gate_up, fp8=fp8)
    from cprs_kernels.swiglu_triton import launch_fp8

    rows = as_rows(gate_up)
    if fp8:
        return Quantised(*launch_fp8(rows))
    return _Swiglu.apply(rows).view(*gate_up.shape[:-1], width // 2)


def swiglu_reference(gate_up: Tensor) -> Tensor:
    """The formula in torch."""
    return _reference(gate_up, fp8=False)


def _reference(gate_up: Tensor, *, fp8: bool) -> Tensor | Quantised:
    gate, up = wide(gate_up).chunk(2, dim=-1)
    y = gate * torch.sigmoid(gate) * up
    return quantise_reference(y) if fp8 else y.to(gate_up.dtype)


class _Swiglu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        from cprs_kernels.swiglu_triton import launch

        ctx.save_for_backward(gate_up)
        return launch(gate_up)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        from cprs_kernels.swiglu_triton import launch_backward

        (gate_up,) = ctx.saved_tensors
        return launch_backward(gate_up, dy)
