"""Residual + RMSNorm in Triton: one program holds a few whole rows."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from cprs_kernels.build import Build
from cprs_kernels.fp8_triton import E4M3, to_e4m3
from cprs_kernels.rows import programs


def launch(
    x: Tensor, residual: Tensor | None, weight: Tensor, epsilon: float, *, fp8: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Of rows (n, h): the norm's output, its scales (empty without `fp8`), and the sum or None."""
    n, h = x.shape
    y = torch.empty_like(x, dtype=torch.float8_e4m3fn if fp8 else x.dtype)
    scale = x.new_empty(n if fp8 else 0, dtype=torch.float32)
    total = None if residual is None else torch.empty_like(x)
    if n:
        rows, block, warps = tile(h)
        with torch.cuda.device_of(x):
            norm_forward[(triton.cdiv(n, rows),)](
                x, x if residual is None else residual, weight.contiguous(),
                x if total is None else total, y, scale, n, h, epsilon,
                ROWS=rows, BLOCK=block, RESIDUAL=residual is not None, FP8=fp8, num_warps=warps,
            )  # fmt: skip
    return y, scale, total


def launch_backward(
    s: Tensor, weight: Tensor, epsilon: float, dy: Tensor, dsum: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Gradients of the sum `s` (n, h) and of `weight` (h,)."""
    n, h = s.shape
    ds = torch.empty_like(s)
    rows, block, warps = tile(h)
    count = min(triton.cdiv(n, rows), programs(s))
    partial = s.new_empty(count, h, dtype=torch.float32)
    if n:
        dy = dy.contiguous()
        with torch.cuda.device_of(s):
            norm_backward[(count,)](
                s, weight.contiguous(), dy, dy if dsum is None else dsum.contiguous(), ds, partial,
                n, h, epsilon, ROWS=rows, BLOCK=block, SUM=dsum is not None, num_warps=warps,
            )  # fmt: skip
    return ds, partial.sum(0).to(weight.dtype)


def tile(h: int) -> tuple[int, int, int]:
    """Rows and columns of a program's tile, about 4,096 values, and its warps."""
    block = triton.next_power_of_2(h)
    rows = max(1, min(16, 4096 // block))
    return rows, block, max(1, min(32, rows * block // 512))


def builds(target: str) -> list[Build]:
    """As launched for 7B and 0.5B models."""
    found = []
    for h in (3584, 896):
        rows, block, warps = tile(h)
        shape, options = {"ROWS": rows, "BLOCK": block}, {"num_warps": warps}
        types = dict.fromkeys(("X", "R", "W", "S", "Y"), "*bf16")
        types |= {"Q": "*fp32", "n": "i32", "h": "i32", "epsilon": "fp32"}
        for fp8 in (False, True)[: 1 if target not in E4M3 else 2]:
            found.append(
                Build(
                    f"add_rms_norm {h}{' to fp8' if fp8 else ''}",
                    norm_forward,
                    types | ({"Y": "*fp8e4nv"} if fp8 else {}),
                    shape | {"RESIDUAL": True, "FP8": fp8},
                    ("h",),
                    options,
                )
            )
        types = dict.fromkeys(("S", "W", "DY", "DSUM", "DS"), "*bf16")
        types |= {"DW": "*fp32", "n": "i32", "h": "i32", "epsilon": "fp32"}
        found.append(
            Build(
                f"add_rms_norm {h} backward", norm_backward, types, shape | {"SUM": True}, ("h",),
                options,
            )
        )  # fmt: skip
    return found


@triton.jit
def norm_forward(
    X, R, W, S, Y, Q, n, h, epsilon,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, RESIDUAL: tl.constexpr, FP8: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    columns = tl.arange(0, BLOCK)
    inside = (rows < n)[:, None] & (columns < h)[None, :]
    at = rows[:, None] * h + columns[None, :]
    s = tl.load(X + at, mask=inside, other=0.0).to(tl.float32)
    if RESIDUAL:
        s += tl.load(R + at, mask=inside, other=0.0).to(tl.float32)
        stored = s.to(S.dtype.element_ty)
        tl.store(S + at, stored, mask=inside)
        s = stored.to(tl.float32)
    s, rstd, _ = normalised(s, h, epsilon)
    weight = tl.load(W + columns, mask=columns < h, other=0.0).to(tl.float32)
    y = s * rstd[:, None] * weight[None, :]
    if FP8:
        values, scale = to_e4m3(y, Y.dtype.element_ty)
        tl.store(Y + at, values, mask=inside)
        tl.store(Q + rows, scale, mask=rows < n)
    else:
        tl.store(Y + at, y.to(Y.dtype.element_ty), mask=inside)


@triton.jit
def norm_backward(
    S, W, DY, DSUM, DS, DW, n, h, epsilon,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, SUM: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    columns = tl.arange(0, BLOCK)
    weight = tl.load(W + columns, mask=columns < h, other=0.0).to(tl.float32)
    gathered = tl.zeros([BLOCK], tl.float32)
    for number in range(program, tl.cdiv(n, ROWS), tl.num_programs(0)):
        # The interpreter counts in Python's integers, which have no types to cast.
        rows = (tl.zeros([ROWS], tl.int64) + number) * ROWS + tl.arange(0, ROWS)
        inside = (rows < n)[:, None] & (columns < h)[None, :]
        at = rows[:, None] * h + columns[None, :]
        s = tl.load(S + at, mask=inside, other=0.0).to(tl.float32)
        dy = tl.load(DY + at, mask=inside, other=0.0).to(tl.float32)
        s, rstd, unit = normalised(s, h, epsilon)
        s = s * rstd[:, None]
        gathered += tl.sum(dy * s, axis=0)
        g = dy * weight[None, :]
        ds = (g - s * (tl.sum(g * s, axis=1) / h)[:, None]) * (rstd / unit)[:, None]
        if SUM:
            ds += tl.load(DSUM + at, mask=inside, other=0.0).to(tl.float32)
        tl.store(DS + at, ds.to(DS.dtype.element_ty), mask=inside)
    # A sum per program, added up outside: atomic sums would differ from run to run.
    tl.store(DW + program * h + columns, gathered, mask=columns < h)


@triton.jit
def normalised(s, h, epsilon):
    """Rows s / unit, their factor (mean square + ε)^(-1/2), and the unit: 1 except where squares
    would overflow."""
    largest = tl.max(tl.abs(s), axis=1)
    # 2⁻⁴⁰ of the largest: a GPU's quick division by numbers beyond 2¹²⁶ gives 0.
    unit = tl.where(largest > 1e15, largest * 9.094947017729282e-13, 1.0)
    s = s / unit[:, None]
    return s, tl.math.rsqrt(tl.sum(s * s, axis=1) / h + epsilon / unit / unit), unit
