"""Rotary embedding in Triton: a program turns all heads of a few tokens of one window."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from cprs_kernels.build import Build
from cprs_kernels.fp8_triton import E4M3
from cprs_kernels.packed import Packed


def launch(
    q: Tensor,
    k: Tensor,
    cos: Tensor,
    sin: Tensor,
    positions: Tensor | None,
    packed: Packed | None,
) -> None:
    """Turn `q` and `k` in place."""
    nothing = cos[:0].view(-1)
    _launch((q, k), (q, k), (nothing, nothing), cos, sin, positions, packed, fp8=False)


def launch_fp8(
    q: Tensor,
    k: Tensor,
    cos: Tensor,
    sin: Tensor,
    positions: Tensor | None,
    packed: Packed | None,
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Values (n, heads · d) e4m3 and scales (n,) of the turned `q`, and of `k`."""
    values = [torch.empty(x.shape, dtype=torch.float8_e4m3fn, device=x.device) for x in (q, k)]
    scales = [x.new_empty(x.shape[0], dtype=torch.float32) for x in (q, k)]
    _launch(
        (q, k), (values[0], values[1]), (scales[0], scales[1]), cos, sin, positions, packed,
        fp8=True,
    )  # fmt: skip
    return (values[0].flatten(1), scales[0]), (values[1].flatten(1), scales[1])


def _launch(
    given: tuple[Tensor, Tensor],
    made: tuple[Tensor, Tensor],
    scales: tuple[Tensor, Tensor],
    cos: Tensor,
    sin: Tensor,
    positions: Tensor | None,
    packed: Packed | None,
    *,
    fp8: bool,
) -> None:
    q, k = given
    n = q.shape[0]
    windows, longest, prefix = 1, n, 0
    if packed is not None:
        windows, longest, prefix = packed.windows, packed.longest, packed.prefix
    shape = constants(q.shape[1], k.shape[1], q.shape[2])
    blocks = triton.cdiv(longest, shape["TOKENS"])
    if not n or not blocks:
        return
    place = positions if packed is None else packed.starts
    with torch.cuda.device_of(q):
        rotary[(windows * blocks,)](
            q, k, *made, *scales, cos, sin, place, n, blocks, prefix, cos.shape[0],
            q.stride(0), q.stride(1), k.stride(0), k.stride(1), PACKED=packed is not None, FP8=fp8,
            **shape,
        )  # fmt: skip


def constants(heads: int, key_heads: int, d: int) -> dict[str, int]:
    """What the kernel is made for: heads of a size, and tokens for about 2,048 values."""
    wide = triton.next_power_of_2(max(heads, key_heads)) * triton.next_power_of_2(d // 2)
    return {
        "HEADS": heads,
        "KEY_HEADS": key_heads,
        "HALF": d // 2,
        "TOKENS": max(1, min(16, 2048 // wide)),
        "Q_BLOCK": triton.next_power_of_2(heads),
        "K_BLOCK": triton.next_power_of_2(key_heads),
        "BLOCK": triton.next_power_of_2(d // 2),
    }


def builds(target: str) -> list[Build]:
    """As launched for 7B and 0.5B models."""
    integers = (
        "n", "blocks", "prefix", "length", "q_token", "q_head", "k_token", "k_head",
    )  # fmt: skip
    types = dict.fromkeys(("Q", "K", "QY", "KY"), "*bf16")
    types |= dict.fromkeys(("QS", "KS", "COS", "SIN"), "*fp32")
    types |= {"PLACE": "*i32"} | dict.fromkeys(integers, "i32")
    found = []
    for heads, key_heads, d in ((28, 4, 128), (14, 2, 64)):
        shape = constants(heads, key_heads, d) | {"PACKED": True}
        for fp8 in (False, True)[: 1 if target not in E4M3 else 2]:
            found.append(
                Build(
                    f"rotary {heads} {key_heads} {d}{' to fp8' if fp8 else ''}",
                    rotary,
                    types | ({"QY": "*fp8e4nv", "KY": "*fp8e4nv"} if fp8 else {}),
                    shape | {"FP8": fp8},
                    ("q_token", "q_head", "k_token", "k_head", "length"),
                )
            )
    return found


@triton.jit
def rotary(
    Q, K, QY, KY, QS, KS, COS, SIN, PLACE, n, blocks, prefix, length,
    q_token, q_head, k_token, k_head,
    HEADS: tl.constexpr, KEY_HEADS: tl.constexpr, HALF: tl.constexpr, TOKENS: tl.constexpr,
    Q_BLOCK: tl.constexpr, K_BLOCK: tl.constexpr, BLOCK: tl.constexpr,
    PACKED: tl.constexpr, FP8: tl.constexpr,
):  # fmt: skip
    window = tl.program_id(0) // blocks
    offsets = tl.program_id(0) % blocks * TOKENS + tl.arange(0, TOKENS)
    if PACKED:
        tokens = tl.load(PLACE + window) + offsets
        here = tokens < tl.load(PLACE + window + 1)
        positions = prefix + offsets
    else:
        tokens = offsets
        here = tokens < n
        positions = tl.load(PLACE + tokens, mask=here, other=0)
    columns = tl.arange(0, BLOCK)
    known = here & (positions >= 0) & (positions < length)
    table = positions.to(tl.int64)[:, None] * HALF + columns[None, :]
    inside = known[:, None] & (columns < HALF)[None, :]
    cos = tl.load(COS + table, mask=inside, other=float("nan"))
    sin = tl.load(SIN + table, mask=inside, other=float("nan"))
    turn(Q, QY, QS, tokens, here, cos, sin, q_token, q_head, HEADS, Q_BLOCK, HALF, BLOCK, FP8)
    turn(K, KY, KS, tokens, here, cos, sin, k_token, k_head, KEY_HEADS, K_BLOCK, HALF, BLOCK, FP8)


@triton.jit
def turn(
    X, Y, S, tokens, here, cos, sin, by_token, by_head,
    HEADS: tl.constexpr, HEAD_BLOCK: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr,
    FP8: tl.constexpr,
):  # fmt: skip
    heads = tl.arange(0, HEAD_BLOCK)[None, :, None]
    columns = tl.arange(0, BLOCK)[None, None, :]
    row = tokens.to(tl.int64)[:, None, None]
    inside = here[:, None, None] & (heads < HEADS) & (columns < HALF)
    at = row * by_token + heads * by_head + columns
    a = tl.load(X + at, mask=inside, other=0.0).to(tl.float32)
    b = tl.load(X + at + HALF, mask=inside, other=0.0).to(tl.float32)
    cos = cos[:, None, :]
    sin = sin[:, None, :]
    first = a * cos - b * sin
    second = b * cos + a * sin
    if FP8:
        # What lies outside is NaN by the table's padding, and must not set the scale.
        largest = tl.where(inside, tl.maximum(tl.abs(first), tl.abs(second)), 0.0)
        scale = tl.maximum(tl.max(tl.max(largest, axis=2), axis=1) / 448.0, 1e-30)
        tl.store(S + tokens, scale, mask=here)
        first = first / scale[:, None, None]
        second = second / scale[:, None, None]
        at = row * (2 * HALF * HEADS) + heads * (2 * HALF) + columns
    tl.store(Y + at, first.to(Y.dtype.element_ty), mask=inside)
    tl.store(Y + at + HALF, second.to(Y.dtype.element_ty), mask=inside)
