"""The critic's heads in Triton: a program holds all logits of some tokens and reads their hidden
states once."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from cprs_kernels.build import Build

_ROWS = 64


def launch(
    hidden: Tensor,
    norm_weight: Tensor,
    tag_weight: Tensor,
    tag_bias: Tensor,
    label_weight: Tensor | None,
    normaliser: Tensor | None,
    *,
    epsilon: float,
    log: bool,
) -> tuple[Tensor, Tensor | None]:
    """Tags (n, 4) and labels (n, 1 + L) of `hidden` (n, h)."""
    n, h = hidden.shape
    rows = 0 if label_weight is None else label_weight.shape[0]
    tags = hidden.new_empty(n, 4, dtype=torch.float32)
    labels = hidden.new_empty(n, rows, dtype=torch.float32)
    if n:
        unused = tags
        with torch.cuda.device_of(hidden):
            critic_head[(triton.cdiv(n, _ROWS),)](
                hidden.contiguous(), norm_weight.contiguous(), tag_weight.contiguous(),
                tag_bias.contiguous(),
                unused if label_weight is None else label_weight.contiguous(),
                unused if normaliser is None else normaliser.to(torch.float32).contiguous(),
                tags, labels, n, h, rows, epsilon,
                **constants(rows, exact=hidden.dtype == torch.float32),
                NORMALISER=normaliser is not None, LOG=log, num_warps=4, num_stages=4,
            )  # fmt: skip
    return tags, None if label_weight is None else labels


def constants(rows: int, *, exact: bool) -> dict[str, object]:
    """Tile sizes, and whether products are of float32 numbers."""
    columns = max(16, triton.next_power_of_2(4 + rows))
    # Twice the block would not fit registers, or the shared memory of some GPUs.
    block = 32 if exact or columns > 32 else 64
    return {
        "ROWS": _ROWS,
        "BLOCK": block,
        "COLUMNS": columns,
        "LABELS": rows > 0,
        "EXACT": exact,
    }


def builds(target: str) -> list[Build]:
    """As launched for 7B and 0.5B models with one label, and with many."""
    types = dict.fromkeys(("X", "N", "TW", "TB", "LW"), "*bf16")
    types |= {"Z": "*fp32", "T": "*fp32", "L": "*fp32"}
    types |= {"n": "i32", "h": "i32", "rows": "i32", "epsilon": "fp32"}
    return [
        Build(
            f"critic_head with {rows} label rows",
            critic_head,
            types,
            constants(rows, exact=False) | {"NORMALISER": rows > 2, "LOG": False},
            ("h",),
            {"num_warps": 4, "num_stages": 4},
            tensor_cores=True,
        )
        for rows in (0, 2, 60)
    ]


@triton.jit
def critic_head(
    X, N, TW, TB, LW, Z, T, L, n, h, rows, epsilon,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, COLUMNS: tl.constexpr, LABELS: tl.constexpr,
    EXACT: tl.constexpr, NORMALISER: tl.constexpr, LOG: tl.constexpr,
):  # fmt: skip
    tokens = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    here = tokens < n
    outputs = tl.arange(0, COLUMNS)
    is_tag = outputs < 4
    is_label = (outputs >= 4) & (outputs < 4 + rows)
    logits = tl.zeros([ROWS, COLUMNS], tl.float32)
    squares = tl.zeros([ROWS], tl.float32)
    unit = tl.full([ROWS], 1.0, tl.float32)
    for start in range(0, h, BLOCK):
        inner = start + tl.arange(0, BLOCK)
        within = inner < h
        x = tl.load(
            X + tokens[:, None] * h + inner[None, :],
            mask=here[:, None] & within[None, :],
            other=0.0,
        ).to(tl.float32)
        at = outputs[None, :] * h + inner[:, None]
        weight = tl.load(TW + at, mask=is_tag[None, :] & within[:, None], other=0.0)
        weight = weight.to(tl.float32)
        if LABELS:
            more = tl.load(LW + at - 4 * h, mask=is_label[None, :] & within[:, None], other=0.0)
            weight += more.to(tl.float32)
        weight *= tl.load(N + inner, mask=within, other=0.0).to(tl.float32)[:, None]
        # Squares of numbers beyond 1e15 may overflow: then all is counted in units of 2⁻⁴⁰ of the
        # largest. A GPU's quick division by numbers beyond 2¹²⁶ gives 0.
        largest = tl.max(tl.abs(x), axis=1)
        larger = tl.maximum(unit, tl.where(largest > 1e15, largest * 9.094947017729282e-13, 1.0))
        change = unit / larger
        unit = larger
        x = x / unit[:, None]
        squares = squares * change * change + tl.sum(x * x, axis=1)
        if EXACT:
            product = tl.dot(x, weight, input_precision="ieee")
        else:
            kind = X.dtype.element_ty
            product = tl.dot(x.to(kind), weight.to(kind))
        logits = logits * change[:, None] + product
    rstd = tl.math.rsqrt(squares / h + epsilon / unit / unit)
    bias = tl.load(TB + outputs, mask=is_tag, other=0.0).to(tl.float32)
    logits = logits * rstd[:, None] + bias[None, :]

    tags = log_softmax(logits, is_tag)
    at = tokens[:, None] * 4 + outputs[None, :]
    tl.store(T + at, tags if LOG else tl.exp(tags), mask=here[:, None] & is_tag[None, :])
    if LABELS:
        if NORMALISER:
            labels = logits - tl.load(Z + tokens, mask=here, other=0.0)[:, None]
            labels = tl.where(labels > 0.0, 0.0, labels)
        else:
            labels = log_softmax(logits, is_label)
        at = tokens[:, None] * rows + outputs[None, :] - 4
        tl.store(L + at, labels if LOG else tl.exp(labels), mask=here[:, None] & is_label[None, :])


@triton.jit
def log_softmax(logits, chosen):
    """Over the chosen columns of (rows, columns)."""
    logits = tl.where(chosen[None, :], logits, -float("inf"))
    logits -= tl.max(logits, axis=1)[:, None]
    return logits - tl.log(tl.sum(tl.exp(logits), axis=1))[:, None]
