"""Shared-prefix window attention in Triton: the forward kernel and its launch.

One program computes a block of one window's queries for one head: FlashAttention's online softmax
(Dao et al., 2022, algorithm 1; exponents to base 2) first over the prefix, then over the window.
Blocks of keys that every query of the block sees are read without a mask.
"""

from collections.abc import Mapping

import torch
import triton
import triton.language as tl
from torch import Tensor

from cprs_kernels.attention_inputs import Inputs
from cprs_kernels.build import Build, target_of

LOG2E = 1.4426950408889634


@triton.jit
def attend_to_keys(
    acc, peak, total, query, queries, K, V, k_row, v_row, begin, end, keys, scale_log2,
    DIM: tl.constexpr, WIDTH: tl.constexpr, BLOCK_K: tl.constexpr,
    CAUSAL: tl.constexpr, MASKED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Keys from `begin` to `end` join the softmax; K and V point at the first of them, and there
    are `keys` in all."""
    features = tl.arange(0, WIDTH)
    columns = tl.arange(0, BLOCK_K)
    inside = features < DIM
    k_at = K + columns[None, :] * k_row + features[:, None]
    v_at = V + columns[:, None] * v_row + features[None, :]
    for start in tl.range(begin, end, BLOCK_K):
        seen = start + columns < keys
        if MASKED or DIM != WIDTH:
            key = tl.load(k_at, mask=seen[None, :] & inside[:, None], other=0.0)
        else:
            key = tl.load(k_at)
        scores = tl.dot(query, key, input_precision=PRECISION) * scale_log2
        if MASKED:
            visible = seen[None, :]
            if CAUSAL:
                visible = visible & (start + columns[None, :] <= queries[:, None])
            scores = tl.where(visible, scores, float("-inf"))
        higher = tl.maximum(peak, tl.max(scores, 1))
        weights = tl.exp2(scores - higher[:, None])
        shrink = tl.exp2(peak - higher)
        total = total * shrink + tl.sum(weights, 1)
        acc = acc * shrink[:, None]
        if MASKED or DIM != WIDTH:
            value = tl.load(v_at, mask=seen[:, None] & inside[None, :], other=0.0)
        else:
            value = tl.load(v_at)
        acc = tl.dot(weights.to(value.dtype), value, acc, input_precision=PRECISION)
        peak = higher
        k_at += BLOCK_K * k_row
        v_at += BLOCK_K * v_row
    return acc, peak, total


# These numbers change from batch to batch: nothing is compiled for their values.
@triton.jit(do_not_specialize=["rows", "prefix", "blocks"])
def forward_kernel(
    Q, K, V, PREFIX_K, PREFIX_V, OUT, LSE, STARTS, rows, prefix, blocks, scale_log2,
    q_row, q_head, k_row, k_head, v_row, v_head, pk_row, pk_head, pv_row, pv_head,
    HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, WIDTH: tl.constexpr,
    BLOCK_Q: tl.constexpr, BLOCK_K: tl.constexpr,
    CAUSAL: tl.constexpr, HAS_PREFIX: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    window = tl.program_id(0) // blocks
    # The last queries of a causal window have the most to read: they start first.
    block = blocks - 1 - tl.program_id(0) % blocks
    head = tl.program_id(1)
    first = tl.load(STARTS + window).to(tl.int64)
    length = (tl.load(STARTS + window + 1) - first).to(tl.int32)
    begin = block * BLOCK_Q
    if begin >= length:
        return

    queries = begin + tl.arange(0, BLOCK_Q)
    features = tl.arange(0, WIDTH)
    there = (queries < length)[:, None] & (features < DIM)[None, :]
    Q += (first + begin) * q_row + head * q_head
    inner = tl.arange(0, BLOCK_Q)
    query = tl.load(Q + inner[:, None] * q_row + features[None, :], mask=there, other=0.0)
    acc = tl.zeros([BLOCK_Q, WIDTH], tl.float32)
    peak = tl.full([BLOCK_Q], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_Q], tl.float32)

    if HAS_PREFIX:
        PREFIX_K += head // GROUP * pk_head
        PREFIX_V += head // GROUP * pv_head
        whole = prefix // BLOCK_K * BLOCK_K
        acc, peak, total = attend_to_keys(
            acc, peak, total, query, queries, PREFIX_K, PREFIX_V, pk_row, pv_row,
            0, whole, prefix, scale_log2, DIM, WIDTH, BLOCK_K, False, False, PRECISION,
        )  # fmt: skip
        acc, peak, total = attend_to_keys(
            acc, peak, total, query, queries,
            PREFIX_K + whole * pk_row, PREFIX_V + whole * pv_row, pk_row, pv_row,
            whole, prefix, prefix, scale_log2, DIM, WIDTH, BLOCK_K, False, True, PRECISION,
        )  # fmt: skip

    K += first * k_row + head // GROUP * k_head
    V += first * v_row + head // GROUP * v_head
    if CAUSAL:
        whole = begin // BLOCK_K * BLOCK_K
        last = tl.minimum(begin + BLOCK_Q, length)
    else:
        whole = length // BLOCK_K * BLOCK_K
        last = length
    acc, peak, total = attend_to_keys(
        acc, peak, total, query, queries, K, V, k_row, v_row,
        0, whole, length, scale_log2, DIM, WIDTH, BLOCK_K, CAUSAL, False, PRECISION,
    )  # fmt: skip
    acc, peak, total = attend_to_keys(
        acc, peak, total, query, queries,
        K + whole.to(tl.int64) * k_row, V + whole.to(tl.int64) * v_row, k_row, v_row,
        whole, last, length, scale_log2, DIM, WIDTH, BLOCK_K, CAUSAL, True, PRECISION,
    )  # fmt: skip

    OUT += ((first + begin) * HEADS + head) * DIM
    out = (acc / total[:, None]).to(OUT.dtype.element_ty)
    tl.store(OUT + inner[:, None] * (HEADS * DIM) + features[None, :], out, mask=there)
    LSE += head.to(tl.int64) * rows + first
    tl.store(LSE + queries, (peak + tl.log2(total)) / 1.4426950408889634, mask=queries < length)


def forward(given: Inputs) -> tuple[Tensor, Tensor]:
    """Output (n, hq, d) in q's dtype and natural log-sum-exp (hq, n) float32."""
    q, k, v, packed = given.q, given.k, given.v, given.packed
    rows, heads, dim = q.shape
    out = torch.empty((rows, heads, dim), dtype=q.dtype, device=q.device)
    lse = torch.empty((heads, rows), dtype=torch.float32, device=q.device)
    if rows == 0 or packed.longest == 0:
        return out, lse
    shape = _shape(target_of(q.device), dim, q.element_size())
    blocks = triton.cdiv(packed.longest, shape["BLOCK_Q"])
    pk, pv = given.prefix or (k, v)
    with torch.cuda.device_of(q):
        forward_kernel[(packed.windows * blocks, heads)](
            q, k, v, pk, pv, out, lse, packed.starts, rows, packed.prefix, blocks,
            given.scale * LOG2E,
            *q.stride()[:2], *k.stride()[:2], *v.stride()[:2], *pk.stride()[:2], *pv.stride()[:2],
            **constants(given),
            HAS_PREFIX=given.prefix is not None,
            **shape,
        )  # fmt: skip
    return out, lse


def constants(given: Inputs) -> dict[str, object]:
    """What every kernel of attention is compiled for."""
    _, heads, dim = given.q.shape
    return {
        "HEADS": heads,
        "GROUP": given.group,
        "DIM": dim,
        "WIDTH": width_of(dim),
        "CAUSAL": given.causal,
        "PRECISION": precision(),
    }


def width_of(dim: int) -> int:
    """The power of two that a head's features are padded to, at least what a product needs."""
    power: int = triton.next_power_of_2(dim)
    return max(16, power)


def precision() -> str:
    """float32 products are as exact as PyTorch is told to make its own."""
    return "ieee" if torch.get_float32_matmul_precision() == "highest" else "tf32"


def _shape(target: str, dim: int, itemsize: int) -> dict[str, int]:
    """Blocks that fit shared memory and registers; measured for spills, not yet for speed."""
    if itemsize == 4 or width_of(dim) > 128:
        return {"BLOCK_Q": 64, "BLOCK_K": 32, "num_warps": 8, "num_stages": 2}
    if target.startswith("gfx"):
        return {"BLOCK_Q": 128, "BLOCK_K": 32, "num_warps": 4, "num_stages": 1}
    if target in ("sm_90", "sm_100", "sm_103"):
        return {"BLOCK_Q": 128, "BLOCK_K": 64, "num_warps": 8, "num_stages": 3}
    return {"BLOCK_Q": 128, "BLOCK_K": 32, "num_warps": 8, "num_stages": 3}


def builds(target: str) -> list[Build]:
    """The critics' own shapes: heads of 64 (0.5B) and 128 (7B), one causal and one not."""
    return [
        _build(target, heads=14, group=7, dim=64, causal=False),
        _build(target, heads=28, group=7, dim=128, causal=True),
    ]


def _build(target: str, *, heads: int, group: int, dim: int, causal: bool) -> Build:
    shape = _shape(target, dim, 2)
    options: Mapping[str, int] = {name: shape.pop(name) for name in ("num_warps", "num_stages")}
    tensors = ("Q", "K", "V", "PREFIX_K", "PREFIX_V", "OUT")
    strides = [f"{t}_{axis}" for t in ("q", "k", "v", "pk", "pv") for axis in ("row", "head")]
    return Build(
        name=f"attention forward {dim} {'causal' if causal else 'bidirectional'}",
        kernel=forward_kernel,
        types=dict.fromkeys(tensors, "*bf16")
        | {"LSE": "*fp32", "STARTS": "*i32", "rows": "i32", "prefix": "i32", "blocks": "i32"}
        | {"scale_log2": "fp32"}
        | dict.fromkeys(strides, "i32"),
        constants={"HEADS": heads, "GROUP": group, "DIM": dim, "WIDTH": width_of(dim)}
        | {"CAUSAL": causal, "HAS_PREFIX": True, "PRECISION": "ieee"}
        | shape,
        aligned=tuple(strides),
        options=options,
        tensor_cores=True,
    )
