"""What training minimises, term by term. Everything is computed in float32.

A weight of 0 leaves a token or passage out: padding, or evidence nobody has marked.
"""

from __future__ import annotations

from torch import Tensor, zeros_like
from torch.nn import functional


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Σ w x / Σ w, and 0 where nothing has weight."""
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)


def evidence_loss(odds: Tensor, target: Tensor, weight: Tensor, smoothing: Tensor) -> Tensor:
    """Binary cross-entropy of log-odds z (b, u) with targets y (b, u) in {0, 1}:

    y' = y (1 - ε) + (1 - y) 0 = y (1 - ε);  ℓ = -y' ln σ(z) - (1 - y') ln(1 - σ(z)).

    `smoothing` ε (b, 1): where evidence is marked coarsely, not all of it is. What is marked as
    none stays so. `weight` (b, u): how many passages each stands for.
    """
    soft = target * (1 - smoothing)
    loss = functional.binary_cross_entropy_with_logits(odds, soft, reduction="none")
    return weighted_mean(loss, weight)


def tag_loss(
    logits: Tensor, target: Tensor, weight: Tensor, smoothing: Tensor, *, gamma: float = 0.0
) -> Tensor:
    """Focal cross-entropy (Lin et al. 2017, arXiv 1708.02002, equation 5) with smoothed labels
    (Szegedy et al. 2016, arXiv 1512.00567, section 7), over C classes:

    q_c = (1 - ε) [c = y] + ε / C;  ℓ = -(1 - p_y)^γ Σ_c q_c ln p_c.

    `logits` (b, t, C), `target` y (b, t) int64, `weight` (b, t), `smoothing` ε (b, 1).
    """
    logs = functional.log_softmax(logits, dim=-1)
    right = logs.gather(-1, target[..., None])[..., 0]
    loss = (1 - smoothing) * right + smoothing * logs.mean(dim=-1)
    # (1 - p)^γ has no slope at p = 1, where rounding takes hard tokens' opposites.
    focus = (1 - right.exp()).clamp(min=1e-6) ** gamma if gamma else 1.0
    return weighted_mean(-focus * loss, weight)


def label_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy -ln p_y over "outside" and the labels: `logits` (b, t, 1 + L), `target`
    (b, t) int64, `weight` (b, t), 0 for a window whose question names no label."""
    logs = functional.log_softmax(logits, dim=-1)
    return weighted_mean(-logs.gather(-1, target[..., None])[..., 0], weight)


def naming_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Of tokens that have a label, the cross-entropy among the labels alone: which one, not
    whether. Shapes as in `label_loss`. Few tokens have one: in a mean over all they hardly count.
    """
    logs = functional.log_softmax(logits[..., 1:], dim=-1)
    right = logs.gather(-1, (target - 1).clamp(min=0)[..., None])[..., 0]
    return weighted_mean(-right, weight * (target > 0))


def ranking_loss(
    odds: Tensor, target: Tensor, known: Tensor, group: Tensor, *, margin: float
) -> Tensor:
    """Margin ranking between evidence and other passages of the same question (after LooComp,
    arXiv 2603.09222): per question, the mean over pairs of max(0, m - (z⁺ - z⁻)); then the mean
    over the questions that have both.

    `odds` z, `target`, `known` (b, u): scores, {0, 1}, and whether the target is known; `group`
    (b,) int64 numbers the questions.
    """
    total, questions = zeros_like(odds.sum()), 0
    for number in group.unique():
        here = (group == number)[:, None] & known
        evidence, other = odds[here & (target > 0)], odds[here & (target <= 0)]
        if len(evidence) and len(other):
            total = total + (margin - evidence[:, None] + other[None, :]).clamp(min=0).mean()
            questions += 1
    return total / max(questions, 1)


def contrast_loss(odds: Tensor, target: Tensor, weight: Tensor, group: Tensor) -> Tensor:
    """Each piece of evidence against all other passages of its question, per question the mean of

    -ln( e^z⁺ / (e^z⁺ + Σ w⁻ e^z⁻) )

    (InfoNCE, van den Oord et al. 2018, arXiv 1807.03748, equation 4), where w⁻ is how many
    passages of the context each one stands for. Shapes as in `ranking_loss`.
    """
    total, questions = zeros_like(odds.sum()), 0
    for number in group.unique():
        here = (group == number)[:, None] & (weight > 0)
        evidence, lure = here & (target > 0), here & (target <= 0)
        if evidence.any() and lure.any():
            others = (odds[lure] + weight[lure].log()).logsumexp(0)
            total = total + functional.softplus(others - odds[evidence]).mean()
            questions += 1
    return total / max(questions, 1)


def anchor_loss(correction: Tensor, known: Tensor) -> Tensor:
    """The mean squared correction (b, u): what keeps a small training set from unlearning the
    prior."""
    return weighted_mean(correction.square(), known.to(correction.dtype))
