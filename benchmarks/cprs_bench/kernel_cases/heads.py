"""What comes after the layers: heads, the vocabulary's log-sum-exp; and compaction among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from cprs_kernels import Packed
from cprs_kernels.compaction import compact, compact_reference
from cprs_kernels.head import critic_head, critic_head_reference
from cprs_kernels.vocabulary import vocabulary_logsumexp, vocabulary_logsumexp_reference
from torch import Tensor

from cprs_bench.kernel_cases.case import EPSILON, Bench, Case, Run, Shape

LABELS = 3


def heads(bench: Bench, shape: Shape) -> Iterator[Case]:
    # One window of 8,192 at most: the vocabulary's logits of more would not fit.
    n, h, words = min(8192, shape.tokens), shape.hidden, shape.words

    def make() -> tuple[Any, ...]:
        return (
            bench.numbers(n, h), bench.numbers(h), bench.numbers(4, h, scale=h**-0.5),
            bench.numbers(4), bench.numbers(words, h, scale=h**-0.5),
        )  # fmt: skip

    def arguments(norm: Tensor, tags: Tensor, bias: Tensor, words: Tensor) -> dict[str, Any]:
        return {
            "norm_weight": norm, "epsilon": EPSILON, "tag_weight": tags, "tag_bias": bias,
            "label_weight": words[:LABELS],
        }  # fmt: skip

    def ours(hidden: Tensor, *weights: Tensor) -> Any:
        return critic_head(hidden, **arguments(*weights), implementation="triton")

    def exact(hidden: Tensor, *weights: Tensor) -> Any:
        wide = arguments(*weights) | {"norm_weight": weights[0].float()}
        return critic_head_reference(hidden.float(), **wide)

    def few(
        hidden: Tensor, norm: Tensor, tags: Tensor, bias: Tensor, words: Tensor
    ) -> tuple[Tensor, Tensor]:
        x = F.rms_norm(hidden, (h,), norm, EPSILON)
        labels = F.linear(x, words[:LABELS])
        return F.linear(x, tags, bias).float().softmax(-1), labels.float().softmax(-1)

    def all_words(
        hidden: Tensor, norm: Tensor, tags: Tensor, bias: Tensor, words: Tensor
    ) -> tuple[Tensor, Tensor]:
        x = F.rms_norm(hidden, (h,), norm, EPSILON)
        labels = F.linear(x, words)[:, :LABELS]
        return F.linear(x, tags, bias).float().softmax(-1), labels.float().softmax(-1)

    yield Case(
        "critic head", shape.name, f"{n:,} × {h:,}, {LABELS} labels", make, exact,
        {
            "cprs": ours, "torch": few, "torch, the whole LM head": all_words,
        },
        within=2e-2, built={"torch.compile": bench.compiled(few)}, bytes=n * h * bench.item,
    )  # fmt: skip

    def normalised() -> tuple[Any, ...]:
        return bench.numbers(n, h), bench.numbers(words, h, scale=h**-0.5)

    def by(kind: Any) -> Run:
        return lambda x, weight: vocabulary_logsumexp(x, weight, implementation=kind)

    yield Case(
        "vocabulary log-sum-exp", shape.name, f"{n:,} × {h:,} × {words:,}", normalised,
        vocabulary_logsumexp_reference,
        {
            "cprs": by("triton"), "torch, 1,024 tokens at a time": by("library"),
            "torch": lambda x, weight: (x @ weight.T).float().logsumexp(-1),
        },
        within=1e-3, flops=2 * n * h * words,
    )  # fmt: skip


def compaction(bench: Bench, shape: Shape) -> Case:
    n, h = shape.tokens, shape.hidden
    packed = Packed.of([shape.length] * shape.windows, device=bench.device)
    keep = torch.arange(shape.windows, device=bench.device) % 2 == 0
    tokens = keep[packed.owners(n)]
    kept = shape.length * int(keep.sum())

    def by(kind: Any) -> Run:
        return lambda x: compact(keep, packed, x, implementation=kind)[1]

    return Case(
        "compaction to half", shape.name, f"{n:,} × {h:,}", lambda: (bench.numbers(n, h),),
        lambda x: compact_reference(keep, packed, x)[1],
        {"cprs": by("triton"), "index_select": by("library"), "torch": lambda x: x[tokens]},
        within=0.0, bytes=2 * kept * h * bench.item,
    )  # fmt: skip
