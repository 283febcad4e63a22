"""What a policy is trained for: group advantages, GRPO and DAPO (arXiv 2505.17667, eq. 4 to 8).

Notation: G outputs y_i of one prompt form a group, r_i their rewards, ρ_i,t the ratio of the
trained policy's probability of token t to that of the policy that sampled it. Losses are what is
minimised: the objectives' negatives. Where a batch is cut into micro-batches, each gets the
normaliser of the whole batch, over all processes, so that their gradients add up to the batch's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cprs.errors import OptionError, unknown
from cprs.l1.names import AGGREGATIONS


@dataclass(frozen=True, slots=True)
class Terms:
    """A micro-batch's share of the `loss`, to be added up, and sums over its tokens, without
    gradient, to be divided by their number: `clipped` tokens, `kl` to the reference, `drift` from
    the sampling policy (the same estimate), `entropy`."""

    loss: Tensor
    clipped: float
    kl: float
    drift: float
    entropy: float


def group_advantages(rewards: Tensor, *, scale: bool = True, eps: float = 1e-6) -> Tensor:
    """A_i = (r_i - mean{r}) / (std{r} + eps) (eq. 5; eq. 8 where the rewards are those of eq. 7).

    `rewards`: (prompts, G). The deviation is the unbiased one, as released. `scale=False` leaves it
    out. Raises `OptionError` for groups of fewer than two: they say nothing.
    """
    if rewards.ndim != 2 or rewards.shape[-1] < 2:
        raise OptionError(
            f"advantages need groups of at least 2 outputs, got shape {tuple(rewards.shape)}"
        )
    centred = rewards - rewards.mean(dim=-1, keepdim=True)
    return centred / (rewards.std(dim=-1, keepdim=True) + eps) if scale else centred


def token_logprobs(logits: Tensor, ids: Tensor, *, temperature: float = 1.0) -> Tensor:
    """log π(ids_t | before) at a temperature: (..., tokens) from logits (..., tokens, vocabulary).

    In float32 whatever the logits are in.
    """
    scaled = logits.float() / temperature
    picked = scaled.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    return picked - scaled.logsumexp(dim=-1)


def token_entropy(logits: Tensor, *, temperature: float = 1.0) -> Tensor:
    """H(π(. | before)) in nats, (..., tokens), from logits (..., tokens, vocabulary)."""
    scaled = logits.float() / temperature
    whole = scaled.logsumexp(dim=-1)
    return whole - (scaled.softmax(dim=-1) * scaled).sum(dim=-1)


def kl_estimate(logprobs: Tensor, reference: Tensor) -> Tensor:
    """KL(π || π_ref) at each sampled token, by the estimator of eq. (4): q/p - log(q/p) - 1 with
    q the reference's and p the policy's probability. Never negative."""
    apart = (reference - logprobs).clamp(-20, 20)
    return apart.exp() - apart - 1


def clipped_surrogate(
    ratio: Tensor, advantages: Tensor, *, low: float, high: float
) -> tuple[Tensor, Tensor]:
    """min(ρA, clip(ρ, 1-low, 1+high)A) per token (eq. 4 with low = high, eq. 6), and where the
    clipped side was the smaller."""
    plain = ratio * advantages
    held = ratio.clamp(1 - low, 1 + high) * advantages
    return torch.minimum(plain, held), held < plain


def normaliser(lengths: Tensor, *, aggregation: str) -> float:
    """What a whole batch's sum is divided by: Σ_i |y_i| for `token` (eq. 6), the number of outputs
    for `sequence` (eq. 4). Raises `OptionError` for a batch without tokens."""
    if aggregation not in AGGREGATIONS:
        raise unknown("aggregation", aggregation, AGGREGATIONS)
    total = float(lengths.sum())
    if not total:
        raise OptionError("a batch without a single output token cannot be trained on")
    return total if aggregation == "token" else float((lengths > 0).sum())


def policy_terms(
    logprobs: Tensor,
    old: Tensor,
    advantages: Tensor,
    mask: Tensor,
    *,
    divisor: float,
    low: float = 0.2,
    high: float = 0.28,
    aggregation: str = "token",
    reference: Tensor | None = None,
    beta: float = 0.0,
    entropy: Tensor | None = None,
    entropy_weight: float = 0.0,
) -> Terms:
    """The loss of a micro-batch: DAPO's (eq. 6) with `token`, GRPO's (eq. 4) with `sequence`.

    `logprobs`, `old` (of the sampling policy), `mask` (1 on output tokens), `reference` and
    `entropy`: (outputs, tokens); `advantages`: (outputs,). `divisor` is `normaliser` of the whole
    batch. `beta` weighs the KL to the `reference`, `entropy_weight` the entropy's part; QwenLong-L1
    has neither.
    """
    if aggregation not in AGGREGATIONS:
        raise unknown("aggregation", aggregation, AGGREGATIONS)
    mask = mask.to(logprobs.dtype)
    # Far apart log-probabilities would overflow in the ratio and make the clipped side NaN.
    ratio = (logprobs - old).clamp(-20, 20).exp()
    surrogate, held = clipped_surrogate(ratio, advantages.unsqueeze(-1), low=low, high=high)
    kept = surrogate
    kl = kl_estimate(logprobs, reference) if reference is not None else None
    if kl is not None and beta:
        kept = kept - beta * kl
    if entropy is not None and entropy_weight:
        kept = kept + entropy_weight * entropy
    if aggregation == "token":
        loss = -(kept * mask).sum() / divisor
    else:
        lengths = mask.sum(dim=-1).clamp(min=1)
        loss = -((kept * mask).sum(dim=-1) / lengths).sum() / divisor

    def total(values: Tensor | None) -> float:
        return 0.0 if values is None else float((values.detach() * mask).sum())

    drift = total(kl_estimate(logprobs, old))
    return Terms(loss, total(held.to(mask.dtype)), total(kl), drift, total(entropy))
