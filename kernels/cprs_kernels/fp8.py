"""Products in fp8 (e4m3): a scale per token and per output channel, sums in float32.

    scale_i = max_k |x_ik| / 448        values_ik = x_ik / scale_i, rounded to e4m3
    y_ij = scale_i · weight_scale_j · Σ_k values_ik · weight_jk (+ bias_j)

e4m3: Micikevicius et al. 2022, arXiv 2209.05433 (448 is its largest number). Dynamic scales per
token and fixed ones per channel: Xiao et al. 2022 (SmoothQuant), arXiv 2211.10438, §3.

The product is the library's (`torch._scaled_mm`: cuBLAS and CUTLASS); one in Triton would be
slower. What this package adds is its operand: norm and activation write it in the pass they make
anyway (`add_rms_norm` and `swiglu` with `fp8=True`). `quantise` is for what nobody fuses, such as
attention's output, and for weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cprs_kernels.dispatch import Implementation, choose
from cprs_kernels.rows import as_rows, check, check_no_gradient, no_e4m3, row_obstacle

LARGEST = 448.0
"""The largest number of e4m3."""
SMALLEST_SCALE = 1e-30
"""The scale of a row of zeros."""


@dataclass(frozen=True, slots=True, eq=False)
class Quantised:
    """`values` (n, h) float8_e4m3fn and `scale` (n,) float32: row i stands for values_i · scale_i.

    Scales are never 0. A row with an infinity or NaN in it makes NaN in products.
    """

    values: Tensor
    scale: Tensor

    def dequantised(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """What it stands for, (n, h)."""
        return (self.values.to(torch.float32) * self.scale[:, None]).to(dtype)


def fp8_available(device: torch.device | str) -> bool:
    """Whether `device` multiplies e4m3 matrices with scales per row: NVIDIA's from sm_89 on."""
    return _no_fp8(torch.device(device)) is None


def quantise(x: Tensor, *, implementation: Implementation | None = None) -> Quantised:
    """Quantise the rows of `x` (..., h): tokens, or the output channels of a weight."""
    check(x.ndim > 0 and x.shape[-1] > 0, f"nothing to quantise in a tensor of {tuple(x.shape)}")
    check_no_gradient("quantise", x)
    obstacles: dict[Implementation, str | None] = {
        "triton": row_obstacle(x, fp8=True),
        "reference": None,
    }
    if choose(implementation, obstacles, device=x.device) == "reference":
        return quantise_reference(x)
    from cprs_kernels.fp8_triton import launch

    return Quantised(*launch(as_rows(x)))


def quantise_reference(x: Tensor) -> Quantised:
    """The formula in torch."""
    rows = as_rows(x).to(torch.float32)
    scale = (rows.abs().amax(-1) / LARGEST).clamp(min=SMALLEST_SCALE)
    return Quantised((rows / scale[:, None]).to(torch.float8_e4m3fn), scale)


def scaled_matmul(
    x: Quantised,
    weight: Tensor,
    weight_scale: Tensor,
    *,
    bias: Tensor | None = None,
    dtype: torch.dtype = torch.bfloat16,
    implementation: Implementation | None = None,
) -> Tensor:
    """`x` (n, h) by `weight` (out, h) float8_e4m3fn with scales (out,), or one () → (n, out).

    The library's product where the GPU has it, h and out are multiples of 16 and `dtype` is
    bfloat16; the reference, no faster than a product in float32, elsewhere.
    """
    (n, h), (out, inner) = x.values.shape, weight.shape
    check(h == inner, f"a product of (n, {h}) and a weight of (out, {inner})")
    check(weight.dtype == torch.float8_e4m3fn, f"the weight is {weight.dtype}: quantise it first")
    check(
        weight_scale.ndim == 0 or weight_scale.shape == (out,),
        f"scales of {tuple(weight_scale.shape)} for a weight of {out} rows",
    )
    obstacle = _no_fp8(weight.device)
    if obstacle is None and (h % 16 or out % 16):
        obstacle = f"it wants multiples of 16, not {h} by {out}"
    if obstacle is None and dtype != torch.bfloat16:
        obstacle = f"it makes bfloat16, not {dtype}"
    obstacles: dict[Implementation, str | None] = {"library": obstacle, "reference": None}
    if choose(implementation, obstacles, device=weight.device) == "reference":
        return scaled_matmul_reference(x, weight, weight_scale, bias=bias, dtype=dtype)
    if n == 0:
        return weight.new_empty(0, out, dtype=dtype)
    return torch._scaled_mm(
        x.values,
        weight.t(),
        scale_a=x.scale[:, None],
        scale_b=weight_scale.to(torch.float32).expand(out)[None, :].contiguous(),
        bias=None if bias is None else bias.to(dtype),
        out_dtype=dtype,
        use_fast_accum=True,
    )


def scaled_matmul_reference(
    x: Quantised,
    weight: Tensor,
    weight_scale: Tensor,
    *,
    bias: Tensor | None = None,
    dtype: torch.dtype = torch.bfloat16,
) -> Tensor:
    """The formula in torch, in float32."""
    product = x.values.to(torch.float32) @ weight.to(torch.float32).T
    product = product * x.scale[:, None] * weight_scale.to(torch.float32)
    return (product if bias is None else product + bias.to(torch.float32)).to(dtype)


def _no_fp8(device: torch.device) -> str | None:
    if device.type != "cuda" or not torch.cuda.is_available():
        return "fp8 products need an NVIDIA GPU"
    return no_e4m3(device)
