"""Quantising rows to e4m3, in Triton."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from cprs_kernels.build import Build

E4M3 = ("sm_89", "sm_90", "sm_100", "sm_120")
"""The targets whose kernels may write e4m3; gfx942 has another format of that name."""
_BLOCK = 4096


def launch(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Values (n, h) e4m3 and scales (n,) of `rows` (n, h)."""
    n, h = rows.shape
    values = torch.empty_like(rows, dtype=torch.float8_e4m3fn)
    scale = rows.new_empty(n, dtype=torch.float32)
    if n:
        block, warps = chunk(h)
        with torch.cuda.device_of(rows):
            quantise_rows[(n,)](rows, values, scale, h, BLOCK=block, num_warps=warps)
    return values, scale


def chunk(columns: int) -> tuple[int, int]:
    """How many values of a row are held at once, and by how many warps."""
    block = min(_BLOCK, triton.next_power_of_2(columns))
    return block, max(1, min(8, block // 256))


def builds(target: str) -> list[Build]:
    """As launched for attention's output of a 7B and a 0.5B model."""
    if target not in E4M3:
        return []
    types = {"X": "*bf16", "Y": "*fp8e4nv", "S": "*fp32", "h": "i32"}
    found = []
    for h in (3584, 896):
        block, warps = chunk(h)
        options = {"num_warps": warps}
        found.append(
            Build(f"quantise {h}", quantise_rows, types, {"BLOCK": block}, ("h",), options)
        )
    return found


@triton.jit
def to_e4m3(y, OUT: tl.constexpr):
    """Rows `y` (rows, block) float32 as values of the type OUT and their scales (rows,)."""
    scale = tl.maximum(tl.max(tl.abs(y), axis=1) / 448.0, 1e-30)
    return (y / scale[:, None]).to(OUT), scale


@triton.jit
def quantise_rows(X, Y, S, h, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    largest = tl.zeros([BLOCK], tl.float32)
    for start in range(0, h, BLOCK):
        inside = start + columns < h
        x = tl.load(X + row * h + start + columns, mask=inside, other=0.0).to(tl.float32)
        largest = tl.maximum(largest, tl.abs(x))
    scale = tl.maximum(tl.max(largest, axis=0) / 448.0, 1e-30)
    tl.store(S + row, scale)
    # Read again, from the cache: rows of any length are taken.
    for start in range(0, h, BLOCK):
        inside = start + columns < h
        x = tl.load(X + row * h + start + columns, mask=inside, other=0.0).to(tl.float32)
        tl.store(Y + row * h + start + columns, (x / scale).to(Y.dtype.element_ty), mask=inside)
