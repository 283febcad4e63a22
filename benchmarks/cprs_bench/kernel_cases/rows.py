"""Norms, activations, rotary and fp8 products."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from cprs_kernels import Packed
from cprs_kernels.fp8 import Quantised, quantise, quantise_reference, scaled_matmul
from cprs_kernels.norms import add_rms_norm, add_rms_norm_reference
from cprs_kernels.rotary import rotary_, rotary_reference, rotations
from cprs_kernels.swiglu import swiglu, swiglu_reference
from torch import Tensor

from cprs_bench.kernel_cases.case import EPSILON, Bench, Case, Run, Shape


def norms(bench: Bench, shape: Shape) -> Iterator[Case]:
    n, h = shape.tokens, shape.hidden

    def make() -> tuple[Any, ...]:
        return bench.numbers(n, h), bench.numbers(n, h), bench.numbers(h)

    def eager(x: Tensor, residual: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """As transformers' Qwen2 does it."""
        s = x + residual
        wide = s.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + EPSILON)
        return weight * wide.to(s.dtype), s

    def fused(x: Tensor, residual: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        s = x + residual
        return F.rms_norm(s, (h,), weight, EPSILON), s

    def liger(x: Tensor, residual: Tensor, weight: Tensor) -> Any:
        return _liger("fused_add_rms_norm.LigerFusedAddRMSNormFunction").apply(
            x, residual, weight, EPSILON
        )

    def exact(x: Tensor, residual: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        s = x + residual
        return add_rms_norm_reference(s.float(), None, weight.float(), EPSILON)[0], s

    def ours(fp8: bool) -> Run:
        return lambda x, residual, weight: add_rms_norm(
            x, residual, weight, EPSILON, fp8=fp8, implementation="triton"
        )

    def apart(x: Tensor, residual: Tensor, weight: Tensor) -> tuple[Quantised, Tensor]:
        y, s = add_rms_norm(x, residual, weight, EPSILON, implementation="triton")
        return quantise(y, implementation="triton"), s

    def eager_fp8(x: Tensor, residual: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, s = eager(x, residual, weight)
        return (*to_fp8(y), s)

    def quantised(run: Run) -> Run:
        def said(*given: Tensor) -> tuple[Quantised, Tensor]:
            values, scale, s = run(*given)
            return Quantised(values, scale), s

        return said

    about = f"{n:,} × {h:,}"
    yield Case(
        "residual + RMSNorm", shape.name, about, make, exact,
        {
            "cprs": ours(False), "torch": eager, "torch, F.rms_norm": fused, "Liger": liger,
        },
        within=1e-2, built={"torch.compile": bench.compiled(eager)},
        bytes=4 * n * h * bench.item,
    )  # fmt: skip
    yield Case(
        "residual + RMSNorm to fp8", shape.name, about, make, exact,
        {
            "cprs": ours(True), "cprs, norm and quantise": apart,
            "torch": quantised(eager_fp8),
        },
        within=5e-2, built={"torch.compile": quantised(bench.compiled(eager_fp8))},
        bytes=n * h * (3 * bench.item + 1),
    )  # fmt: skip


def activations(bench: Bench, shape: Shape) -> Iterator[Case]:
    n, f = shape.tokens, shape.inner

    def make() -> tuple[Any, ...]:
        return (bench.numbers(n, 2 * f),)

    def eager(gate_up: Tensor) -> Tensor:
        gate, up = gate_up.chunk(2, -1)
        return F.silu(gate) * up

    def liger(gate_up: Tensor) -> Any:
        return _liger("swiglu.LigerFusedGateUpSiLUMulFunction").apply(gate_up)

    def apart(gate_up: Tensor) -> Quantised:
        return quantise(swiglu(gate_up, implementation="triton"), implementation="triton")

    def eager_fp8(gate_up: Tensor) -> tuple[Tensor, Tensor]:
        return to_fp8(eager(gate_up))

    compiled_fp8 = bench.compiled(eager_fp8)

    def exact(gate_up: Tensor) -> Tensor:
        # A part at a time: all of it in float32 is several times what the kernel needs.
        return torch.cat([swiglu_reference(part.float()) for part in gate_up.split(4096)])

    about = f"{n:,} × 2 · {f:,}"
    yield Case(
        "SwiGLU", shape.name, about, make, exact,
        {
            "cprs": lambda x: swiglu(x, implementation="triton"), "torch": eager, "Liger": liger,
        },
        within=1e-2, built={"torch.compile": bench.compiled(eager)},
        bytes=3 * n * f * bench.item,
    )  # fmt: skip
    yield Case(
        "SwiGLU to fp8", shape.name, about, make, exact,
        {
            "cprs": lambda x: swiglu(x, fp8=True, implementation="triton"),
            "cprs, SwiGLU and quantise": apart, "torch": lambda x: Quantised(*eager_fp8(x)),
        },
        within=5e-2, built={"torch.compile": lambda x: Quantised(*compiled_fp8(x))},
        bytes=n * f * (2 * bench.item + 1),
    )  # fmt: skip


def rotary(bench: Bench, shape: Shape) -> Case:
    n, d = shape.tokens, shape.size
    cos, sin = rotations(shape.prefix + shape.length, d, device=bench.device)
    packed = Packed.of([shape.length] * shape.windows, prefix=shape.prefix, device=bench.device)
    positions = packed.positions(n)
    # As transformers keeps them: of every token, both halves, in the model's type.
    both = [torch.cat([x, x], -1)[positions].to(bench.dtype)[:, None] for x in (cos, sin)]

    def make() -> tuple[Any, ...]:
        return bench.numbers(n, shape.heads, d), bench.numbers(n, shape.key_heads, d)

    def half_turn(x: Tensor) -> Tensor:
        return torch.cat([-x[..., d // 2 :], x[..., : d // 2]], -1)

    def eager(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """As transformers' Qwen2 does it."""
        return q * both[0] + half_turn(q) * both[1], k * both[0] + half_turn(k) * both[1]

    def liger(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        flat = [x.transpose(0, 1)[None] for x in (q, k)]
        q, k = _liger("rope.LigerRopeFunction").apply(
            *flat, both[0][None, :, 0], both[1][None, :, 0]
        )
        return q[0].transpose(0, 1), k[0].transpose(0, 1)

    return Case(
        "rotary", shape.name, f"{n:,} × ({shape.heads} + {shape.key_heads}) · {d}", make,
        lambda q, k: rotary_reference(q.float(), k.float(), cos, sin, positions),
        {
            "cprs": lambda q, k: rotary_(q, k, cos, sin, packed=packed, implementation="triton"),
            "torch": eager, "Liger": liger,
        },
        within=2e-2, built={"torch.compile": bench.compiled(eager)},
        bytes=2 * n * (shape.heads + shape.key_heads) * d * bench.item,
    )  # fmt: skip


def products(bench: Bench, shape: Shape) -> Iterator[Case]:
    """The largest product of a layer, in bfloat16 and in fp8, without and with quantising."""
    n, h, out = shape.tokens, shape.hidden, 2 * shape.inner

    def make() -> tuple[Any, ...]:
        weight = bench.numbers(out, h, scale=h**-0.5)
        x = bench.numbers(n, h)
        stored = quantise_reference(weight)
        return x, weight, quantise_reference(x), stored.values, stored.scale

    def ours(x: Tensor, weight: Tensor, ready: Quantised, values: Tensor, scale: Tensor) -> Tensor:
        return scaled_matmul(ready, values, scale, implementation="library")

    def both(x: Tensor, weight: Tensor, ready: Quantised, values: Tensor, scale: Tensor) -> Tensor:
        made = quantise(x, implementation="triton")
        return scaled_matmul(made, values, scale, implementation="library")

    def plain(x: Tensor, weight: Tensor, *rest: Any) -> Tensor:
        return x @ weight.T

    yield Case(
        "product, gate and up", shape.name, f"{n:,} × {h:,} × {out:,}", make,
        lambda x, weight, *rest: x[:512].float() @ weight.float().T,
        {"fp8": ours, "quantise, fp8": both, "torch": plain},
        within=6e-2, flops=2 * n * h * out,
    )  # fmt: skip


def to_fp8(y: Tensor) -> tuple[Tensor, Tensor]:
    """Values and scales per row, in plain torch."""
    scale = (y.float().abs().amax(-1, keepdim=True) / 448).clamp(min=1e-30)
    return (y.float() / scale).to(torch.float8_e4m3fn), scale[..., 0]


def _liger(name: str) -> Any:
    """One of Liger's operations, where it is installed."""
    module, _, operation = name.partition(".")
    return getattr(import_module(f"liger_kernel.ops.{module}"), operation)
