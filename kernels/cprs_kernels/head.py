"""The critic's heads in one pass over the hidden states.

    x = hidden · (mean(hidden²) + ε)^(-1/2) · norm_weight       the final RMSNorm
    tags = softmax(x · tag_weightᵀ + tag_bias)                  over B I O E
    labels = softmax(x · label_weightᵀ)                         over "outside" and the label words,
             or exp(x · label_weightᵀ - normaliser)             or of the whole vocabulary

QwenLong-CPRS, arXiv 2505.18092, §2.2: the score of *B-fact* is P(B) · P("fact"); `Heads.joint`.
The norm's factor is one number per token and is applied to the logits. Backward: the reference's,
computed again.

What it adds over torch: little time. That a handful of the LM head's rows is enough is algebra,
which `hidden @ rows.T` has as well; the kernel saves launches and two passes over the hidden
states, and holds logits in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cprs_kernels.dispatch import Implementation, choose
from cprs_kernels.norms import add_rms_norm_reference
from cprs_kernels.rows import check, row_obstacle, wide

_TAGS = 4
_MOST_LABELS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """Of n tokens, in float32: `tags` (n, 4) over B I O E; `labels` (n, 1 + L), the first of
    "outside", or None without label rows. Probabilities, or their logarithms if asked for."""

    tags: Tensor
    labels: Tensor | None

    def joint(self) -> Tensor:
        """(n, 4, 1 + L): the product of each tag's and each label's probability; of their
        logarithms it makes no sense. Without labels (n, 4, 1), the tags."""
        labels = self.tags.new_ones(self.tags.shape[0], 1) if self.labels is None else self.labels
        return self.tags[:, :, None] * labels[:, None, :]


def critic_head(
    hidden: Tensor,
    *,
    norm_weight: Tensor,
    epsilon: float,
    tag_weight: Tensor,
    tag_bias: Tensor,
    label_weight: Tensor | None = None,
    normaliser: Tensor | None = None,
    log: bool = False,
    implementation: Implementation | None = None,
) -> Heads:
    """Tags and labels of `hidden` (n, h), which the final norm has not seen yet.

    `norm_weight` (h,), `tag_weight` (4, h), `tag_bias` (4,), `label_weight` (1 + L, h): rows of the
    LM head. `normaliser` (n,): ln Σ e^logit over the vocabulary (`vocabulary_logsumexp`) makes
    `labels` probabilities among all words; without it they are among the rows. `log`: logarithms
    of probabilities, what a loss is computed from.
    """
    n, h = _check(hidden, norm_weight, tag_weight, tag_bias)
    rows = 0
    if label_weight is not None:
        rows = label_weight.shape[0]
        check(label_weight.shape == (rows, h), f"label rows of {tuple(label_weight.shape)}")
    check(normaliser is None or label_weight is not None, "a normaliser without label rows")
    check(normaliser is None or normaliser.shape == (n,), f"a normaliser for {n} tokens")
    obstacle = row_obstacle(hidden)
    if rows > _MOST_LABELS:
        obstacle = f"{rows} label rows do not fit a program: {_MOST_LABELS} do"
    options = (epsilon, log)
    tensors = (hidden, norm_weight, tag_weight, tag_bias, label_weight, normaliser)
    kind = choose(implementation, {"triton": obstacle, "reference": None}, device=hidden.device)
    if kind == "reference":
        return _reference(*tensors, *options)
    tags, *labels = _CriticHead.apply(*tensors, *options)
    return Heads(tags, labels[0] if labels else None)


def critic_head_reference(
    hidden: Tensor,
    *,
    norm_weight: Tensor,
    epsilon: float,
    tag_weight: Tensor,
    tag_bias: Tensor,
    label_weight: Tensor | None = None,
    normaliser: Tensor | None = None,
    log: bool = False,
) -> Heads:
    """The formula in torch."""
    return _reference(
        hidden, norm_weight, tag_weight, tag_bias, label_weight, normaliser, epsilon, log
    )


def _reference(
    hidden: Tensor,
    norm_weight: Tensor,
    tag_weight: Tensor,
    tag_bias: Tensor,
    label_weight: Tensor | None,
    normaliser: Tensor | None,
    epsilon: float,
    log: bool,
) -> Heads:
    x, _ = add_rms_norm_reference(wide(hidden), None, norm_weight, epsilon)
    tags = (x @ wide(tag_weight).T + wide(tag_bias)).log_softmax(-1)
    labels = None
    if label_weight is not None:
        logits = x @ wide(label_weight).T
        labels = logits.log_softmax(-1)
        if normaliser is not None:
            # Rounding may carry a logit above a normaliser computed elsewhere.
            labels = (logits - normaliser.to(logits)[:, None]).clamp(max=0)
    if log:
        return Heads(tags, labels)
    return Heads(tags.exp(), None if labels is None else labels.exp())


def _check(hidden: Tensor, norm: Tensor, tag_weight: Tensor, tag_bias: Tensor) -> tuple[int, int]:
    check(hidden.ndim == 2, f"hidden states (n, h), not {tuple(hidden.shape)}")
    n, h = hidden.shape
    check(norm.shape == (h,), f"a norm of {tuple(norm.shape)} over {h}")
    check(
        tag_weight.shape == (_TAGS, h) and tag_bias.shape == (_TAGS,),
        f"a tag head of {tuple(tag_weight.shape)}, {tuple(tag_bias.shape)} over {h}: it has 4 rows",
    )
    return n, h


class _CriticHead(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Any) -> tuple[Tensor, ...]:
        from cprs_kernels.head_triton import launch

        *tensors, ctx.epsilon, ctx.log = given
        ctx.save_for_backward(*tensors)
        tags, labels = launch(*tensors, epsilon=ctx.epsilon, log=ctx.log)
        return (tags,) if labels is None else (tags, labels)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        leaves = [
            None if saved is None else saved.detach().requires_grad_(wanted)
            for saved, wanted in zip(ctx.saved_tensors, ctx.needs_input_grad, strict=False)
        ]
        hidden, norm_weight, tag_weight, tag_bias, label_weight, normaliser = leaves
        with torch.enable_grad():
            said = _reference(
                hidden, norm_weight, tag_weight, tag_bias, label_weight, normaliser,
                ctx.epsilon, ctx.log,
            )  # fmt: skip
        outputs = [said.tags] if said.labels is None else [said.tags, said.labels]
        wanted = [leaf for leaf in leaves if leaf is not None and leaf.requires_grad]
        found = iter(torch.autograd.grad(outputs, wanted, gradients))
        return (*(next(found) if wants else None for wants in ctx.needs_input_grad),)
