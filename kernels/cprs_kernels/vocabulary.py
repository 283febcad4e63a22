"""The log-sum-exp of the LM head's logits, without the logits.

    z_i = ln Σ_v e^(hidden_i · weight_v)

with an online maximum and sum (Milakov & Gimelshein 2018, arXiv 1805.02867) over tiles of the
vocabulary, its parts split among programs and added up at the end. With z, a label's probability
is among all words: exp(logit - z), as the LM head was trained to say it.

What it adds over torch: the (n, v) logits, 5 GB for 8,192 tokens and 152,000 words in float32, are
never stored, and they are summed in float32. The product itself costs the same, and cuBLAS does it
better: `library` is that product, a thousand tokens at a time, with logits rounded to the hidden
states' type.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cprs_kernels.dispatch import Implementation, choose
from cprs_kernels.rows import check, check_no_gradient, row_obstacle, wide

_AT_ONCE = 1024


def vocabulary_logsumexp(
    hidden: Tensor, weight: Tensor, *, implementation: Implementation | None = None
) -> Tensor:
    """Of `hidden` (n, h), as the final norm leaves it, and the LM head's `weight` (v, h): (n,)
    float32."""
    check(
        hidden.ndim == weight.ndim == 2 and hidden.shape[1] == weight.shape[1] and len(weight) > 0,
        f"hidden states {tuple(hidden.shape)} and an LM head {tuple(weight.shape)}",
    )
    check(hidden.dtype == weight.dtype, f"hidden states {hidden.dtype}, LM head {weight.dtype}")
    check_no_gradient("vocabulary_logsumexp", hidden, weight)
    kind = choose(
        implementation,
        {"triton": row_obstacle(hidden), "library": None, "reference": None},
        device=hidden.device,
    )
    if kind == "triton":
        from cprs_kernels.vocabulary_triton import launch

        return launch(hidden.contiguous(), weight.contiguous())
    if kind == "reference":
        return vocabulary_logsumexp_reference(hidden, weight)
    said = [(part @ weight.T).to(torch.float32).logsumexp(-1) for part in hidden.split(_AT_ONCE)]
    return torch.cat(said)


def vocabulary_logsumexp_reference(hidden: Tensor, weight: Tensor) -> Tensor:
    """The formula in torch, a thousand tokens at a time."""
    exact = wide(weight).T
    return torch.cat([(wide(part) @ exact).logsumexp(-1) for part in hidden.split(_AT_ONCE)])
