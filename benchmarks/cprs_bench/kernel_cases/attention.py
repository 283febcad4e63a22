"""Attention of windows behind a shared prefix."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from cprs_kernels import Packed, attention_library, shared_prefix_attention
from torch import Tensor

from cprs_bench.kernel_cases.case import Bench, Case, Run, Shape


def attention(bench: Bench, shape: Shape) -> Iterator[Case]:
    """Causal, as in the lower layers, and both ways, as in the upper ones.

    All windows are equally long, which suits those that take a batch; each window's keys begin
    with the prefix's, which all but ours must copy there: the copying is part of what is measured.
    """
    yield _case(bench, shape, causal=True)
    yield _case(bench, shape, causal=False)


def _case(bench: Bench, shape: Shape, *, causal: bool) -> Case:
    n, d, windows, length, prefix = (
        shape.tokens, shape.size, shape.windows, shape.length, shape.prefix,
    )  # fmt: skip
    packed = Packed.of([length] * windows, prefix=prefix, device=bench.device)

    def make() -> tuple[Any, ...]:
        keys = [bench.numbers(rows, shape.key_heads, d) for rows in (n, n, prefix, prefix)]
        return bench.numbers(n, shape.heads, d), *keys

    def by(kind: Any) -> Run:
        return lambda q, k, v, pk, pv: shared_prefix_attention(
            q, k, v, prefix_k=pk, prefix_v=pv, packed=packed, causal=causal, implementation=kind
        )

    def exact(*given: Tensor) -> Tensor:
        # The first window is enough, and all that others need to be compared with.
        q, k, v, pk, pv = (x.float() for x in given)
        one = Packed.of([length], prefix=prefix, device=bench.device)
        return shared_prefix_attention(
            q[:length], k[:length], v[:length], prefix_k=pk, prefix_v=pv, packed=one,
            causal=causal, implementation="reference",
        )  # fmt: skip

    def joined(x: Tensor, common: Tensor) -> Tensor:
        """(windows, prefix + length, heads, d)."""
        windowed = x.view(windows, length, -1, d)
        return torch.cat([common.expand(windows, -1, -1, -1), windowed], 1)

    def batch(q: Tensor, k: Tensor, v: Tensor, pk: Tensor, pv: Tensor) -> list[Tensor]:
        whole = [q.view(windows, length, -1, d), joined(k, pk), joined(v, pv)]
        return [x.transpose(1, 2) for x in whole]

    def sdpa(*given: Tensor) -> Tensor:
        from torch.nn.attention.bias import causal_lower_right

        mask = causal_lower_right(length, prefix + length) if causal else None
        out = F.scaled_dot_product_attention(*batch(*given), attn_mask=mask, enable_gqa=True)
        return out.transpose(1, 2).reshape(n, -1, d)

    def dense(*given: Tensor) -> Tensor:
        """A mask of all pairs and one window at a time, as the published code runs its layers
        that look both ways."""
        mask = given[0].new_zeros(1, 1, length, prefix + length)
        if causal:
            later = torch.ones_like(mask, dtype=torch.bool).triu(prefix + 1)
            mask = mask.masked_fill(later, float("-inf"))
        q, k, v = batch(*given)
        group = q.shape[1] // k.shape[1]
        k, v = (x.repeat_interleave(group, 1) for x in (k, v))
        outs = [
            F.scaled_dot_product_attention(q[i : i + 1], k[i : i + 1], v[i : i + 1], attn_mask=mask)
            for i in range(windows)
        ]
        return torch.cat(outs).transpose(1, 2).reshape(n, -1, d)

    q_starts = torch.arange(windows + 1, dtype=torch.int32, device=bench.device) * length
    k_starts = torch.arange(windows + 1, dtype=torch.int32, device=bench.device)
    k_starts = k_starts * (prefix + length)

    def varlen(q: Tensor, k: Tensor, v: Tensor, pk: Tensor, pv: Tensor) -> Tensor:
        return attention_library.varlen(
            q, joined(k, pk).flatten(0, 1), joined(v, pv).flatten(0, 1), q_starts, k_starts,
            length, prefix + length, causal=causal, scale=d**-0.5,
        )[0]  # fmt: skip

    keys = prefix + (length + 1) / 2 if causal else prefix + length
    return Case(
        "attention, causal" if causal else "attention, both ways",
        shape.name,
        f"{windows} × {length:,} behind {prefix}, {shape.heads} / {shape.key_heads} × {d}",
        make,
        exact,
        {
            "cprs": by("triton"),
            f"cprs, two calls of {_library(bench)}": by("library"),
            f"{_library(bench)}": varlen,
            "torch SDPA": sdpa,
            "torch SDPA, dense mask": dense,
        },
        within=1e-2,
        built={"FlexAttention": _flex(bench, shape, batch, causal=causal)},
        flops=int(4 * n * keys * shape.heads * d),
    )


def _flex(bench: Bench, shape: Shape, batch: Run, *, causal: bool) -> Run:
    def visible(b: Tensor, h: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return key - shape.prefix <= query

    @cache
    def prepared() -> tuple[Run, Any]:
        """Not before it is wanted: a release without it must not stop the others."""
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        sizes = (None, None, shape.length, shape.prefix + shape.length)
        mask = create_block_mask(visible, *sizes, bench.device.type) if causal else None
        return bench.compiled(flex_attention), mask

    def run(*given: Tensor) -> Tensor:
        compiled, mask = prepared()
        out = compiled(*batch(*given), block_mask=mask, enable_gqa=True)
        return out.transpose(1, 2).reshape(shape.tokens, -1, shape.size)

    return run


def _library(bench: Bench) -> str:
    if bench.device.type != "cuda":
        return "varlen attention"
    found = attention_library.installed(attention_library.major_of(bench.device))
    return {"torch": "torch varlen_attn", None: "varlen attention"}.get(found, str(found))
