"""SwiGLU in Triton: a program per token and part of the row, or per token where the row's largest
value is wanted."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from cprs_kernels.build import Build
from cprs_kernels.fp8_triton import E4M3, chunk

_BLOCK = 1024


def launch(gate_up: Tensor) -> Tensor:
    """(n, 2f) → (n, f)."""
    n, f = gate_up.shape[0], gate_up.shape[1] // 2
    y = gate_up.new_empty(n, f)
    if n:
        block = min(_BLOCK, triton.next_power_of_2(f))
        with torch.cuda.device_of(gate_up):
            swiglu_forward[(n, triton.cdiv(f, block))](gate_up, y, f, BLOCK=block)
    return y


def launch_fp8(gate_up: Tensor) -> tuple[Tensor, Tensor]:
    """(n, 2f) → values (n, f) e4m3 and scales (n,)."""
    n, f = gate_up.shape[0], gate_up.shape[1] // 2
    values = gate_up.new_empty(n, f, dtype=torch.float8_e4m3fn)
    scale = gate_up.new_empty(n, dtype=torch.float32)
    if n:
        block, warps = chunk(f)
        with torch.cuda.device_of(gate_up):
            swiglu_fp8[(n,)](gate_up, values, scale, f, BLOCK=block, num_warps=warps)
    return values, scale


def launch_backward(gate_up: Tensor, dy: Tensor) -> Tensor:
    """The gradient (n, 2f)."""
    n, f = dy.shape
    gradient = torch.empty_like(gate_up)
    if n:
        block = min(_BLOCK, triton.next_power_of_2(f))
        with torch.cuda.device_of(gate_up):
            swiglu_backward[(n, triton.cdiv(f, block))](
                gate_up, dy.contiguous(), gradient, f, BLOCK=block
            )
    return gradient


def builds(target: str) -> list[Build]:
    """As launched for 7B and 0.5B models."""
    found = []
    for f in (18_944, 4_864):
        types = {"X": "*bf16", "Y": "*bf16", "f": "i32"}
        wide = {"BLOCK": _BLOCK}
        found.append(Build(f"swiglu {f}", swiglu_forward, types, wide, ("f",)))
        types = {"X": "*bf16", "DY": "*bf16", "DX": "*bf16", "f": "i32"}
        found.append(Build(f"swiglu {f} backward", swiglu_backward, types, wide, ("f",)))
        if target in E4M3:
            block, warps = chunk(f)
            types = {"X": "*bf16", "Y": "*fp8e4nv", "S": "*fp32", "f": "i32"}
            constants, options = {"BLOCK": block}, {"num_warps": warps}
            found.append(Build(f"swiglu {f} to fp8", swiglu_fp8, types, constants, ("f",), options))
    return found


@triton.jit
def gated(X, at, f, inside):
    gate = tl.load(X + at, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(X + at + f, mask=inside, other=0.0).to(tl.float32)
    return gate / (1.0 + tl.exp(-gate)) * up


@triton.jit
def swiglu_forward(X, Y, f, BLOCK: tl.constexpr):
    # Tokens times 2f pass 2³¹ in a large batch.
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < f
    y = gated(X, row * 2 * f + columns, f, inside)
    tl.store(Y + row * f + columns, y.to(Y.dtype.element_ty), mask=inside)


@triton.jit
def swiglu_fp8(X, Y, S, f, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    largest = tl.zeros([BLOCK], tl.float32)
    for start in range(0, f, BLOCK):
        y = gated(X, row * 2 * f + start + columns, f, start + columns < f)
        largest = tl.maximum(largest, tl.abs(y))
    scale = tl.maximum(tl.max(largest, axis=0) / 448.0, 1e-30)
    tl.store(S + row, scale)
    # Read and computed again, from the cache: 7B's 18,944 values do not fit in registers.
    for start in range(0, f, BLOCK):
        inside = start + columns < f
        y = gated(X, row * 2 * f + start + columns, f, inside)
        tl.store(Y + row * f + start + columns, (y / scale).to(Y.dtype.element_ty), mask=inside)


@triton.jit
def swiglu_backward(X, DY, DX, f, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < f
    at = row * 2 * f + columns
    gate = tl.load(X + at, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(X + at + f, mask=inside, other=0.0).to(tl.float32)
    dy = tl.load(DY + row * f + columns, mask=inside, other=0.0).to(tl.float32)
    share = 1.0 / (1.0 + tl.exp(-gate))
    dgate = dy * up * (share * (1.0 + gate * (1.0 - share)))
    tl.store(DX + at, dgate.to(DX.dtype.element_ty), mask=inside)
    tl.store(DX + at + f, (dy * (gate * share)).to(DX.dtype.element_ty), mask=inside)
