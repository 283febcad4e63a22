"""Residual + RMSNorm in one pass over the residual stream.

    s = x + residual                                     rounded to x's type, as it is stored
    y = s · (mean(s²) + ε)^(-1/2) · weight               computed in float32, rounded once

RMSNorm: Zhang & Sennrich 2019, arXiv 1910.07467, eq. 4. Backward, with r = (mean(s²) + ε)^(-1/2),
ŝ = s · r and g = dy · weight: ds = r · (g - ŝ · mean(g · ŝ)) + the gradient of the sum itself;
dweight = Σ dy · ŝ over tokens.

What it adds over torch: sum, norm and (`fp8`) the quantised operand of the product that follows in
one pass, two reads and two writes per value where eager torch takes ten. torch.compile fuses sum
and norm as well. Rows too large to be squared in float32 are scaled first: finite rows stay finite.
"""

from __future__ import annotations

from typing import Any, Literal, overload

import torch
from torch import Tensor

from cprs_kernels.dispatch import Implementation, choose
from cprs_kernels.fp8 import Quantised, quantise_reference
from cprs_kernels.rows import as_rows, check, check_no_gradient, row_obstacle, wide

_LARGE = 1e15


@overload
def add_rms_norm(
    x: Tensor,
    residual: Tensor | None,
    weight: Tensor,
    epsilon: float = ...,
    *,
    fp8: Literal[False] = ...,
    implementation: Implementation | None = ...,
) -> tuple[Tensor, Tensor]: ...
@overload
def add_rms_norm(
    x: Tensor,
    residual: Tensor | None,
    weight: Tensor,
    epsilon: float = ...,
    *,
    fp8: Literal[True],
    implementation: Implementation | None = ...,
) -> tuple[Quantised, Tensor]: ...
@overload
def add_rms_norm(
    x: Tensor,
    residual: Tensor | None,
    weight: Tensor,
    epsilon: float = ...,
    *,
    fp8: bool = ...,
    implementation: Implementation | None = ...,
) -> tuple[Tensor | Quantised, Tensor]: ...
def add_rms_norm(
    x: Tensor,
    residual: Tensor | None,
    weight: Tensor,
    epsilon: float = 1e-6,
    *,
    fp8: bool = False,
    implementation: Implementation | None = None,
) -> tuple[Tensor | Quantised, Tensor]:
    """`x` (..., h) + `residual` (..., h), normalised and weighted by `weight` (h,); and the sum.

    Without a residual the sum is `x` itself. `fp8`: the first result is `Quantised` (n, h), a
    scale per token, and has no gradient.
    """
    h = x.shape[-1] if x.ndim else 0
    check(h > 0 and weight.shape == (h,), f"a norm of {tuple(weight.shape)} over {tuple(x.shape)}")
    if residual is not None:
        check(residual.shape == x.shape, f"{tuple(x.shape)} + {tuple(residual.shape)}")
        check(residual.dtype == x.dtype, f"{x.dtype} + {residual.dtype}")
    if fp8:
        check_no_gradient("an fp8 output", x, residual, weight)
    obstacles: dict[Implementation, str | None] = {
        "triton": row_obstacle(x, fp8=fp8, values=h),
        "reference": None,
    }
    if choose(implementation, obstacles, device=x.device) == "reference":
        return _reference(x, residual, weight, epsilon, fp8=fp8)
    from cprs_kernels.norms_triton import launch

    rows, more = as_rows(x), None if residual is None else as_rows(residual)
    if fp8:
        values, scale, total = launch(rows, more, weight, epsilon, fp8=True)
        return Quantised(values, scale), x if total is None else total.view(x.shape)
    y, *sums = _AddRmsNorm.apply(rows, more, weight, epsilon)
    return y.view(x.shape), sums[0].view(x.shape) if sums else x


def add_rms_norm_reference(
    x: Tensor, residual: Tensor | None, weight: Tensor, epsilon: float = 1e-6
) -> tuple[Tensor, Tensor]:
    """The formula in torch."""
    y, total = _reference(x, residual, weight, epsilon, fp8=False)
    assert not isinstance(y, Quantised)
    return y, total


def _reference(
    x: Tensor, residual: Tensor | None, weight: Tensor, epsilon: float, *, fp8: bool
) -> tuple[Tensor | Quantised, Tensor]:
    total = x if residual is None else x + residual
    s = wide(total)
    largest = s.detach().abs().amax(-1, keepdim=True)
    unit = torch.where(largest > _LARGE, largest, torch.ones_like(largest))
    s = s / unit
    y = s * (s.square().mean(-1, keepdim=True) + epsilon / unit / unit).rsqrt() * wide(weight)
    return quantise_reference(y) if fp8 else y.to(x.dtype), total


class _AddRmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, residual: Tensor | None, weight: Tensor, epsilon: float
    ) -> tuple[Tensor, ...]:
        from cprs_kernels.norms_triton import launch

        ctx.set_materialize_grads(False)
        y, _, total = launch(x, residual, weight, epsilon, fp8=False)
        ctx.save_for_backward(x if total is None else total, weight)
        ctx.epsilon = epsilon
        return (y,) if total is None else (y, total)

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, *dsums: Tensor | None) -> tuple[Tensor | None, ...]:
        from cprs_kernels.norms_triton import launch_backward

        dsum = dsums[0] if dsums else None
        dweight = None
        if dy is not None:
            s, weight = ctx.saved_tensors
            dsum, dweight = launch_backward(s, weight, ctx.epsilon, dy, dsum)
        return dsum, dsum if dsums else None, dweight, None
