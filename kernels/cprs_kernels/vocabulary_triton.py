"""The vocabulary's log-sum-exp in Triton: a product whose tiles are summed and forgotten."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from cprs_kernels.build import Build
from cprs_kernels.rows import programs


def launch(hidden: Tensor, weight: Tensor) -> Tensor:
    """(n, h), (v, h) → (n,) float32."""
    (n, h), words = hidden.shape, weight.shape[0]
    if not n:
        return hidden.new_empty(0, dtype=torch.float32)
    shape = constants(exact=hidden.dtype == torch.float32)
    blocks = triton.cdiv(n, shape["ROWS"])
    tiles = triton.cdiv(words, shape["WORDS"])
    # Few tokens leave processors idle unless they share the vocabulary.
    splits = min(tiles, max(1, programs(hidden) // blocks))
    share = triton.cdiv(tiles, splits)
    splits = triton.cdiv(tiles, share)
    parts = hidden.new_empty(splits, n, dtype=torch.float32)
    with torch.cuda.device_of(hidden):
        logsumexp[(blocks, splits)](
            hidden, weight, parts, n, h, words, share, **shape, num_warps=8, num_stages=3
        )
    return parts[0] if splits == 1 else parts.logsumexp(0)


def constants(*, exact: bool) -> dict[str, int]:
    """Tile sizes: 96 KB of shared memory in three stages, which all GPUs since Ampere have."""
    return {"ROWS": 128, "WORDS": 128, "BLOCK": 32 if exact else 64, "EXACT": exact}


def builds(target: str) -> list[Build]:
    """As launched for any model in bfloat16."""
    types = {"X": "*bf16", "W": "*bf16", "Y": "*fp32"}
    types |= dict.fromkeys(("n", "h", "words", "share"), "i32")
    return [
        Build(
            "vocabulary_logsumexp",
            logsumexp,
            types,
            constants(exact=False),
            ("h", "words"),
            {"num_warps": 8, "num_stages": 3},
            tensor_cores=True,
        )
    ]


@triton.jit
def logsumexp(
    X, W, Y, n, h, words, share,
    ROWS: tl.constexpr, WORDS: tl.constexpr, BLOCK: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    tokens = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    here = tokens < n
    largest = tl.full([ROWS], -float("inf"), tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    first = tl.program_id(1) * share
    for tile in range(first, tl.minimum(first + share, tl.cdiv(words, WORDS))):
        outputs = tile * WORDS + tl.arange(0, WORDS)
        known = outputs < words
        logits = tl.zeros([ROWS, WORDS], tl.float32)
        for start in range(0, h, BLOCK):
            inner = start + tl.arange(0, BLOCK)
            within = inner < h
            x = tl.load(
                X + tokens[:, None] * h + inner[None, :],
                mask=here[:, None] & within[None, :], other=0.0,
            )  # fmt: skip
            # A vocabulary of 152,000 by 8,192 or more passes 2³¹.
            weight = tl.load(
                W + outputs.to(tl.int64)[None, :] * h + inner[:, None],
                mask=known[None, :] & within[:, None], other=0.0,
            )  # fmt: skip
            if EXACT:
                logits = tl.dot(x, weight, logits, input_precision="ieee")
            else:
                logits = tl.dot(x, weight, logits)
        logits = tl.where(known[None, :], logits, -float("inf"))
        larger = tl.maximum(largest, tl.max(logits, axis=1))
        # An infinite maximum less itself is not a number.
        base = tl.where(tl.abs(larger) == float("inf"), 0.0, larger)
        total = total * tl.exp(largest - base) + tl.sum(tl.exp(logits - base[:, None]), axis=1)
        largest = larger
    base = tl.where(tl.abs(largest) == float("inf"), 0.0, largest)
    tl.store(Y + tl.program_id(1) * n + tokens, base + tl.log(total), mask=here)
