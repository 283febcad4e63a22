"""Rotary position embedding of the queries and keys of packed windows, in place.

    [a, b] → [a · cos - b · sin, b · cos + a · sin]     a, b: the halves of a head; the angle of
                                                        pair j at position t is t · θ^(-2j/d)

Su et al. 2021, arXiv 2104.09864, eq. 34, with j and j + d/2 as a pair: GPT-NeoX's order, which
Hugging Face's Qwen2 has. Backward: the rotation by the opposite angle. In packed windows a position
is the offset in the window plus the prefix's length; no tensor of positions is made.

What it adds over torch: queries and keys in one launch and in place, within the fused projection's
output, where eager torch takes some ten passes. torch.compile gives one pass as well.
"""

from __future__ import annotations

from typing import Any, Literal, overload

import torch
from torch import Tensor

from cprs_kernels.dispatch import Implementation, choose
from cprs_kernels.fp8 import Quantised, quantise_reference
from cprs_kernels.packed import Packed
from cprs_kernels.rows import check, check_no_gradient, row_obstacle, wide


def rotations(
    length: int,
    size: int,
    *,
    theta: float = 1e6,
    frequencies: Tensor | None = None,
    scaling: float = 1.0,
    device: torch.device | str | None = None,
) -> tuple[Tensor, Tensor]:
    """Cosines and sines (length, size / 2) float32 of positions below `length`, made once per
    model.

    `size`: of a head. `frequencies` (size / 2,) and `scaling` stand in for the powers of `theta`
    where a checkpoint scales positions (YaRN and the like).
    """
    if frequencies is None:
        even = torch.arange(0, size, 2, dtype=torch.float32, device=device)
        frequencies = 1.0 / theta ** (even / size)
    check(frequencies.shape == (size // 2,), f"frequencies for {size // 2} pairs")
    places = torch.arange(length, dtype=torch.float32, device=device)
    angles = torch.outer(places, frequencies.to(places))
    return angles.cos() * scaling, angles.sin() * scaling


@overload
def rotary_(
    q: Tensor,
    k: Tensor,
    cos: Tensor,
    sin: Tensor,
    *,
    positions: Tensor | None = ...,
    packed: Packed | None = ...,
    fp8: Literal[False] = ...,
    implementation: Implementation | None = ...,
) -> tuple[Tensor, Tensor]: ...
@overload
def rotary_(
    q: Tensor,
    k: Tensor,
    cos: Tensor,
    sin: Tensor,
    *,
    positions: Tensor | None = ...,
    packed: Packed | None = ...,
    fp8: Literal[True],
    implementation: Implementation | None = ...,
) -> tuple[Quantised, Quantised]: ...
def rotary_(
    q: Tensor,
    k: Tensor,
    cos: Tensor,
    sin: Tensor,
    *,
    positions: Tensor | None = None,
    packed: Packed | None = None,
    fp8: bool = False,
    implementation: Implementation | None = None,
) -> tuple[Tensor, Tensor] | tuple[Quantised, Quantised]:
    """Rotate `q` (n, heads, d) and `k` (n, key heads, d), and return them.

    They are changed in place (views of a fused projection are fine), but under gradients, where
    new tensors are returned: always go on with what is returned. `cos` and `sin` come from
    `rotations`; either `positions` (n,) or `packed` says where tokens stand. A position they do
    not reach raises ShapeError where that can be known without waiting for a GPU, and gives NaN
    elsewhere. `fp8`: `q` and `k` stay, and `Quantised` (n, heads · d), a scale per token and
    tensor, are returned, without gradients.
    """
    check(
        q.ndim == k.ndim == 3 and q.shape[::2] == k.shape[::2] and q.shape[2] % 2 == 0,
        f"queries {tuple(q.shape)} and keys {tuple(k.shape)}: (n, heads, d) with d even",
    )
    half = (cos.shape[0], q.shape[2] // 2)
    check(cos.shape == sin.shape == half, f"cosines {tuple(cos.shape)} for heads of {q.shape[2]}")
    _check_places(q.shape[0], cos.shape[0], positions, packed)
    if fp8:
        check_no_gradient("an fp8 output", q, k)
    obstacles: dict[Implementation, str | None] = {
        "triton": _obstacle(q, k, fp8=fp8),
        "reference": None,
    }
    if choose(implementation, obstacles, device=q.device) == "reference":
        if positions is None:
            assert packed is not None
            positions = packed.positions(q.shape[0])
        return _in_place(q, k, cos, sin, positions, fp8=fp8)
    from cprs_kernels.rotary_triton import launch, launch_fp8

    cos, sin = cos.contiguous(), sin.contiguous()
    if fp8:
        turned = launch_fp8(q, k, cos, sin, positions, packed)
        return Quantised(*turned[0]), Quantised(*turned[1])
    if torch.is_grad_enabled() and (q.requires_grad or k.requires_grad):
        turned_q, turned_k = _Rotary.apply(q, k, cos, sin, positions, packed)
        return turned_q, turned_k
    launch(q, k, cos, sin, positions, packed)
    return q, k


def rotary_reference(
    q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, positions: Tensor
) -> tuple[Tensor, Tensor]:
    """The formula in torch, into new tensors."""
    return _turned(q, cos, sin, positions).to(q.dtype), _turned(k, cos, sin, positions).to(k.dtype)


def _turned(x: Tensor, cos: Tensor, sin: Tensor, positions: Tensor) -> Tensor:
    cos, sin = cos[positions][:, None, :], sin[positions][:, None, :]
    a, b = wide(x).chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def _in_place(
    q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, positions: Tensor, *, fp8: bool
) -> tuple[Tensor, Tensor] | tuple[Quantised, Quantised]:
    if fp8:
        a, b = (_turned(x, cos, sin, positions).flatten(1) for x in (q, k))
        return quantise_reference(a), quantise_reference(b)
    turned = rotary_reference(q, k, cos, sin, positions)
    if torch.is_grad_enabled() and (q.requires_grad or k.requires_grad):
        return turned
    return q.copy_(turned[0]), k.copy_(turned[1])


def _check_places(n: int, reach: int, positions: Tensor | None, packed: Packed | None) -> None:
    check((positions is None) != (packed is None), "either positions or packed, not both")
    if packed is not None:
        last = packed.prefix + packed.longest
    else:
        assert positions is not None
        check(positions.shape == (n,), f"{n} positions, not {tuple(positions.shape)}")
        if positions.is_cuda or not n:
            return
        check(int(positions.min()) >= 0, "positions begin at 0")
        last = int(positions.max()) + 1
    check(last <= reach, f"{last} positions, but the model's rotations end at {reach}")


def _obstacle(q: Tensor, k: Tensor, *, fp8: bool) -> str | None:
    if q.stride(2) != 1 or k.stride(2) != 1:
        return "heads must be contiguous"
    values = max(q.shape[1], k.shape[1]) * q.shape[2]
    return row_obstacle(q, fp8=fp8, values=values, most=16_384)


class _Rotary(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        cos: Tensor,
        sin: Tensor,
        positions: Tensor | None,
        packed: Packed | None,
    ) -> tuple[Tensor, Tensor]:
        from cprs_kernels.rotary_triton import launch

        ctx.save_for_backward(cos, sin, positions)
        ctx.packed = packed
        q, k = q.clone(), k.clone()
        launch(q, k, cos, sin, positions, packed)
        return q, k

    @staticmethod
    def backward(ctx: Any, dq: Tensor, dk: Tensor) -> tuple[Tensor | None, ...]:
        from cprs_kernels.rotary_triton import launch

        cos, sin, positions = ctx.saved_tensors
        dq, dk = dq.clone(), dk.clone()
        launch(dq, dk, cos, -sin, positions, ctx.packed)
        return dq, dk, None, None, None, None
