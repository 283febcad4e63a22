"""Gradients of shared-prefix window attention in Triton (FlashAttention-2, Dao, 2023, algorithm 2).

With P = exp(S - lse), D = rowsum(dO * O) - dlse and dS = P * (dO V^T - D):

    dQ = scale dS K      dK = scale dS^T Q      dV = P^T dO

Scores are computed again rather than kept. Every row attends to the prefix, whichever window it
is in: the gradients of its keys are summed over runs of rows, one program a run, and the runs'
sums in a fixed order, so results do not change from call to call.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from cprs_kernels.attention_inputs import Inputs
from cprs_kernels.attention_triton import LOG2E, constants, forward, width_of
from cprs_kernels.build import Build, target_of


@triton.jit
def add_gradient_of_queries(
    grad, query, grad_out, lse, delta, queries, K, V, k_row, v_row, end, keys, scale_log2,
    DIM: tl.constexpr, WIDTH: tl.constexpr, BLOCK_K: tl.constexpr, CAUSAL: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """dS K of the keys before `end`, of the `keys` that there are."""
    features = tl.arange(0, WIDTH)
    columns = tl.arange(0, BLOCK_K)
    k_at = K + columns[:, None] * k_row + features[None, :]
    v_at = V + columns[:, None] * v_row + features[None, :]
    for start in tl.range(0, end, BLOCK_K):
        seen = start + columns < keys
        there = seen[:, None] & (features < DIM)[None, :]
        key = tl.load(k_at, mask=there, other=0.0)
        value = tl.load(v_at, mask=there, other=0.0)
        scores = tl.dot(query, tl.trans(key), input_precision=PRECISION) * scale_log2
        weights = tl.exp2(scores - lse[:, None])
        visible = seen[None, :]
        if CAUSAL:
            visible = visible & (start + columns[None, :] <= queries[:, None])
        weights = tl.where(visible, weights, 0.0)
        sloped = tl.dot(grad_out, tl.trans(value), input_precision=PRECISION) - delta[:, None]
        sloped = (weights * sloped).to(key.dtype)
        grad = tl.dot(sloped, key, grad, input_precision=PRECISION)
        k_at += BLOCK_K * k_row
        v_at += BLOCK_K * v_row
    return grad


@triton.jit(do_not_specialize=["rows", "prefix", "blocks"])
def queries_kernel(
    Q, K, V, PREFIX_K, PREFIX_V, GRAD_OUT, LSE, DELTA, GRAD_Q, STARTS,
    rows, prefix, blocks, scale, scale_log2,
    q_row, q_head, k_row, k_head, v_row, v_head, pk_row, pk_head, pv_row, pv_head,
    HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, WIDTH: tl.constexpr,
    BLOCK_Q: tl.constexpr, BLOCK_K: tl.constexpr,
    CAUSAL: tl.constexpr, HAS_PREFIX: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    window = tl.program_id(0) // blocks
    begin = tl.program_id(0) % blocks * BLOCK_Q
    head = tl.program_id(1)
    first = tl.load(STARTS + window).to(tl.int64)
    length = (tl.load(STARTS + window + 1) - first).to(tl.int32)
    if begin >= length:
        return

    inner = tl.arange(0, BLOCK_Q)
    queries = begin + inner
    features = tl.arange(0, WIDTH)
    there = (queries < length)[:, None] & (features < DIM)[None, :]
    Q += (first + begin) * q_row + head * q_head
    query = tl.load(Q + inner[:, None] * q_row + features[None, :], mask=there, other=0.0)
    own = (
        ((first + begin) * HEADS + head) * DIM + inner[:, None] * (HEADS * DIM) + features[None, :]
    )
    grad_out = tl.load(GRAD_OUT + own, mask=there, other=0.0)
    statistics = head.to(tl.int64) * rows + first + queries
    lse = tl.load(LSE + statistics, mask=queries < length, other=float("inf"))
    lse *= 1.4426950408889634
    delta = tl.load(DELTA + statistics, mask=queries < length, other=0.0)

    grad = tl.zeros([BLOCK_Q, WIDTH], tl.float32)
    if HAS_PREFIX:
        grad = add_gradient_of_queries(
            grad, query, grad_out, lse, delta, queries,
            PREFIX_K + head // GROUP * pk_head, PREFIX_V + head // GROUP * pv_head, pk_row, pv_row,
            prefix, prefix, scale_log2, DIM, WIDTH, BLOCK_K, False, PRECISION,
        )  # fmt: skip
    grad = add_gradient_of_queries(
        grad, query, grad_out, lse, delta, queries,
        K + first * k_row + head // GROUP * k_head, V + first * v_row + head // GROUP * v_head,
        k_row, v_row, tl.minimum(begin + BLOCK_Q, length) if CAUSAL else length, length,
        scale_log2, DIM, WIDTH, BLOCK_K, CAUSAL, PRECISION,
    )  # fmt: skip
    tl.store(GRAD_Q + own, (grad * scale).to(GRAD_Q.dtype.element_ty), mask=there)


@triton.jit(do_not_specialize=["rows", "prefix", "blocks"])
def keys_kernel(
    Q, K, V, GRAD_OUT, LSE, DELTA, GRAD_K, GRAD_V, STARTS,
    rows, prefix, blocks, scale, scale_log2, q_row, q_head, k_row, k_head, v_row, v_head,
    HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, WIDTH: tl.constexpr,
    BLOCK_Q: tl.constexpr, BLOCK_K: tl.constexpr,
    CAUSAL: tl.constexpr, OF_PREFIX: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradients of a block of one window's keys and values; with OF_PREFIX of the prefix's, from
    the run of rows that STARTS gives in place of a window."""
    window = tl.program_id(0) // blocks
    begin = tl.program_id(0) % blocks * BLOCK_K
    key_head = tl.program_id(1)
    first = tl.load(STARTS + window).to(tl.int64)
    length = (tl.load(STARTS + window + 1) - first).to(tl.int32)
    if OF_PREFIX:
        keys = prefix
        source = begin.to(tl.int64)
        target = window.to(tl.int64) * prefix + begin
    else:
        keys = length
        source = first + begin
        target = first + begin
    if begin >= keys:
        return

    inner = tl.arange(0, BLOCK_K)
    features = tl.arange(0, WIDTH)
    wide = (features < DIM)[None, :]
    there = (begin + inner < keys)[:, None] & wide
    K += source * k_row + key_head * k_head
    V += source * v_row + key_head * v_head
    key = tl.load(K + inner[:, None] * k_row + features[None, :], mask=there, other=0.0)
    value = tl.load(V + inner[:, None] * v_row + features[None, :], mask=there, other=0.0)
    grad_k = tl.zeros([BLOCK_K, WIDTH], tl.float32)
    grad_v = tl.zeros([BLOCK_K, WIDTH], tl.float32)

    first_query = begin // BLOCK_Q * BLOCK_Q if CAUSAL else 0
    rows_of = tl.arange(0, BLOCK_Q)
    for member in range(GROUP):
        head = key_head * GROUP + member
        start_row = first + first_query
        q_at = Q + start_row * q_row + head * q_head + rows_of[:, None] * q_row + features[None, :]
        out_at = GRAD_OUT + (start_row * HEADS + head) * DIM
        out_at += rows_of[:, None] * (HEADS * DIM) + features[None, :]
        statistics = head.to(tl.int64) * rows + start_row + rows_of
        lse_at, delta_at = LSE + statistics, DELTA + statistics
        for start in tl.range(first_query, length, BLOCK_Q):
            queries = start + rows_of
            asked = (queries < length)[:, None] & wide
            query = tl.load(q_at, mask=asked, other=0.0)
            grad_out = tl.load(out_at, mask=asked, other=0.0)
            lse = tl.load(lse_at, mask=queries < length, other=float("inf"))
            delta = tl.load(delta_at, mask=queries < length, other=0.0)
            scores = tl.dot(key, tl.trans(query), input_precision=PRECISION) * scale_log2
            weights = tl.exp2(scores - lse[None, :] * 1.4426950408889634)
            if CAUSAL:
                visible = (begin + inner)[:, None] <= queries[None, :]
                weights = tl.where(visible, weights, 0.0)
            grad_v = tl.dot(weights.to(grad_out.dtype), grad_out, grad_v, input_precision=PRECISION)
            sloped = tl.dot(value, tl.trans(grad_out), input_precision=PRECISION) - delta[None, :]
            sloped = (weights * sloped).to(query.dtype)
            grad_k = tl.dot(sloped, query, grad_k, input_precision=PRECISION)
            q_at += BLOCK_Q * q_row
            out_at += BLOCK_Q * HEADS * DIM
            lse_at += BLOCK_Q
            delta_at += BLOCK_Q

    heads: tl.constexpr = HEADS // GROUP
    own = ((target + inner)[:, None] * heads + key_head) * DIM + features[None, :]
    tl.store(GRAD_K + own, (grad_k * scale).to(GRAD_K.dtype.element_ty), mask=there)
    tl.store(GRAD_V + own, grad_v.to(GRAD_V.dtype.element_ty), mask=there)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, given: Inputs, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        out, lse = forward(given)
        ctx.save_for_backward(*tensors, out, lse)
        ctx.options = given.packed, given.causal, given.scale
        return out, lse

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor, grad_lse: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, *prefix, out, lse = ctx.saved_tensors
        given = Inputs(q, k, v, (prefix[0], prefix[1]) if prefix else None, *ctx.options)
        # Contiguous like `out`: gradients of a sum come with strides of zero.
        grad_out = grad_out.contiguous()
        delta = (grad_out.float() * out.float()).sum(-1).t().contiguous() - grad_lse
        return (None, *backward(given, grad_out, lse, delta))


def attention(given: Inputs) -> tuple[Tensor, Tensor]:
    """Output (n, hq, d) and log-sum-exp (hq, n), both differentiable."""
    q, k, v, *prefix = (
        tensor if tensor.stride(-1) == 1 else tensor.contiguous() for tensor in given.tensors
    )
    dense = replace(given, q=q, k=k, v=v, prefix=(prefix[0], prefix[1]) if prefix else None)
    out, lse = _Attention.apply(dense, *dense.tensors)
    return out, lse


def backward(given: Inputs, grad_out: Tensor, lse: Tensor, delta: Tensor) -> tuple[Tensor, ...]:
    """Gradients of all of `given.tensors`; `delta` (hq, n) float32 is D above."""
    q, k, v, packed = given.q, given.k, given.v, given.packed
    rows = len(q)
    grad_q, grad_k, grad_v = (
        torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device) for tensor in (q, k, v)
    )
    if rows == 0 or packed.longest == 0:
        return grad_q, grad_k, grad_v, *(prefix * 0 for prefix in given.prefix or ())
    target = target_of(q.device)
    by_query = _shape(target, q.shape[2], q.element_size(), keys=False)
    by_key = _shape(target, q.shape[2], q.element_size(), keys=True)
    known = constants(given)
    pk, pv = given.prefix or (k, v)
    scales = (given.scale, given.scale * LOG2E)
    strides = (*q.stride()[:2], *k.stride()[:2], *v.stride()[:2])
    shared = (*pk.stride()[:2], *pv.stride()[:2])
    with torch.cuda.device_of(q):
        blocks = triton.cdiv(packed.longest, by_query["BLOCK_Q"])
        queries_kernel[(packed.windows * blocks, q.shape[1])](
            q, k, v, pk, pv, grad_out, lse, delta, grad_q, packed.starts,
            rows, packed.prefix, blocks, *scales, *strides, *shared,
            **known, HAS_PREFIX=given.prefix is not None, **by_query,
        )  # fmt: skip
        blocks = triton.cdiv(packed.longest, by_key["BLOCK_K"])
        keys_kernel[(packed.windows * blocks, k.shape[1])](
            q, k, v, grad_out, lse, delta, grad_k, grad_v, packed.starts,
            rows, packed.prefix, blocks, *scales, *strides,
            **known, OF_PREFIX=False, **by_key,
        )  # fmt: skip
        if given.prefix is None:
            return grad_q, grad_k, grad_v
        runs = _runs(rows, packed.starts)
        shape = (len(runs) - 1, *pk.shape)
        sums = [torch.empty(shape, dtype=torch.float32, device=q.device) for _ in range(2)]
        blocks = triton.cdiv(packed.prefix, by_key["BLOCK_K"])
        keys_kernel[((len(runs) - 1) * blocks, k.shape[1])](
            q, pk, pv, grad_out, lse, delta, *sums, runs,
            rows, packed.prefix, blocks, *scales, *q.stride()[:2], *shared,
            **known | {"CAUSAL": False}, OF_PREFIX=True, **by_key,
        )  # fmt: skip
    return grad_q, grad_k, grad_v, *(part.sum(0).to(q.dtype) for part in sums)


def _runs(rows: int, like: Tensor) -> Tensor:
    """Borders of at most 32 runs of rows, none of them short: enough programs for a short prefix,
    and little to sum."""
    runs = max(1, min(32, rows // 1024))
    borders = [rows * run // runs for run in range(runs + 1)]
    return torch.tensor(borders, dtype=torch.int32).to(like.device, non_blocking=True)


def _shape(target: str, dim: int, itemsize: int, *, keys: bool) -> dict[str, int]:
    """Blocks that fit shared memory and registers; measured for spills, not yet for speed."""
    own, other = ("BLOCK_K", "BLOCK_Q") if keys else ("BLOCK_Q", "BLOCK_K")
    if itemsize == 4 or width_of(dim) > 128:
        return {own: 32, other: 32, "num_warps": 4, "num_stages": 1}
    amd = target.startswith("gfx")
    warps = 8 if width_of(dim) > 64 and not amd else 4
    return {own: 64, other: 32, "num_warps": warps, "num_stages": 1 if amd else 2}


def builds(target: str) -> list[Build]:
    """Training in bfloat16 with the critics' own heads."""
    return [
        _build(target, keys=keys, of_prefix=of_prefix)
        for keys, of_prefix in ((False, False), (True, False), (True, True))
    ]


def _build(target: str, *, keys: bool, of_prefix: bool) -> Build:
    heads, group, dim = 28, 7, 128
    shape = _shape(target, dim, 2, keys=keys)
    options: Mapping[str, int] = {name: shape.pop(name) for name in ("num_warps", "num_stages")}
    inputs = ("Q", "K", "V", "PREFIX_K", "PREFIX_V", "GRAD_OUT", "GRAD_Q")
    strides = [f"{t}_{axis}" for t in ("q", "k", "v", "pk", "pv") for axis in ("row", "head")]
    kernel = keys_kernel if keys else queries_kernel
    types = (
        dict.fromkeys(inputs, "*bf16")
        | dict.fromkeys(("GRAD_K", "GRAD_V"), "*fp32" if of_prefix else "*bf16")
        | {"LSE": "*fp32", "DELTA": "*fp32", "STARTS": "*i32"}
        | dict.fromkeys(("rows", "prefix", "blocks"), "i32")
        | {"scale": "fp32", "scale_log2": "fp32"}
        | dict.fromkeys(strides, "i32")
    )
    return Build(
        name=f"attention gradient of {'prefix' if of_prefix else 'keys' if keys else 'queries'}",
        kernel=kernel,
        types={name: kind for name, kind in types.items() if name in kernel.arg_names},
        constants={"HEADS": heads, "GROUP": group, "DIM": dim, "WIDTH": width_of(dim)}
        | {"CAUSAL": not of_prefix, "PRECISION": "ieee"}
        | ({"OF_PREFIX": of_prefix} if keys else {"HAS_PREFIX": True})
        | shape,
        aligned=tuple(name for name in strides if name in kernel.arg_names),
        options=options,
        tensor_cores=True,
    )
