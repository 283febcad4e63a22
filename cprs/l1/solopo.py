"""Short-to-long preference optimisation (SoLoPO, arXiv 2505.11166).

Answers y_w, preferred, and y_l to one question; x_short holds what bears on it, x_long the same
among distractors. Preferences are learnt on the short text, where they were sampled, and the
reward of the preferred answer is held to be the same on the long one:

  L = L_PO(x_short, y_w, y_l) + α · | r(x_short, y_w) - r(x_long, y_w) |

The rejected answer is left out of the second term: what is wrong about it on the short text may be
fair on the long one. The formulas are from the paper's abstract, reviews and notes on it; its own
constants (beyond α = 3 for DPO, 1 for SimPO and ORPO) could not be checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from cprs.errors import OptionError, unknown
from cprs.l1.names import METHODS


@dataclass(frozen=True, slots=True)
class Answered:
    """Σ_t log π(y_t | x, y_<t) of answers on one kind of text, their `lengths`, and the sum of
    the reference policy's, which only DPO needs. Each: (pairs,)."""

    logprobs: Tensor
    lengths: Tensor
    reference: Tensor | None = None

    @property
    def mean(self) -> Tensor:
        """(1/|y|) log π(y|x)."""
        return self.logprobs / self.lengths.clamp(min=1)


Reward = Callable[[Answered], Tensor]
"""An implicit reward r(x, y): (pairs,)."""


@dataclass(frozen=True, slots=True)
class Solo:
    """The two terms: `preference` on the short text, `alignment` before its weight; their `loss`;
    the share of pairs in which the preferred answer's reward is the larger (`correct`)."""

    loss: Tensor
    preference: Tensor
    alignment: Tensor
    correct: float


def dpo_reward(answered: Answered, *, beta: float) -> Tensor:
    """r(x, y) = β log(π(y|x) / π_ref(y|x)). Raises `OptionError` without a reference policy.

    At π = π_ref it is 0 everywhere: its alignment begins at nothing and with no gradient.
    """
    if answered.reference is None:
        raise OptionError("SoLo-DPO needs log-probabilities of a reference policy")
    return beta * (answered.logprobs - answered.reference)


def simpo_reward(answered: Answered, *, beta: float) -> Tensor:
    """r(x, y) = (β/|y|) log π(y|x)."""
    return beta * answered.mean


def orpo_reward(answered: Answered) -> Tensor:
    """r(x, y) = log(p / (1 - p)) with p = exp((1/|y|) log π(y|x)): the log odds."""
    # At p = 1 the odds have no end; a little below, their gradient is still finite.
    mean = answered.mean.clamp(max=-1e-6)
    return mean - torch.log(-torch.expm1(mean))


def preference_loss(
    method: str, chosen: Answered, rejected: Answered, reward: Reward, *, gamma: float, odds: float
) -> Tensor:
    """L_PO, the mean over pairs.

    DPO: -log σ(r_w - r_l). SimPO: -log σ(r_w - r_l - γ). ORPO: the preferred answer's negative
    log-likelihood per token + λ · -log σ(r_w - r_l), λ = `odds`.
    """
    apart = reward(chosen) - reward(rejected)
    if method == "simpo":
        apart = apart - gamma
    ranked = -logsigmoid(apart)
    return (ranked if method != "orpo" else odds * ranked - chosen.mean).mean()


def solo_loss(
    method: str,
    short_chosen: Answered,
    short_rejected: Answered,
    long_chosen: Answered | None,
    *,
    alpha: float = 1.0,
    beta: float = 0.1,
    gamma: float = 0.5,
    odds: float = 0.1,
    detach_short: bool = False,
) -> Solo:
    """SoLo-DPO, SoLo-SimPO or SoLo-ORPO over a batch of pairs.

    `alpha` weighs the alignment; without `long_chosen`, or at 0, what remains is the plain method.
    `detach_short` holds the short text's reward fixed in the alignment, so that only the long
    one's moves towards it. Raises `OptionError` for a method that is not known.
    """
    rewards: dict[str, Reward] = {
        "dpo": lambda answered: dpo_reward(answered, beta=beta),
        "simpo": lambda answered: simpo_reward(answered, beta=beta),
        "orpo": orpo_reward,
    }
    if method not in rewards:
        raise unknown("method", method, METHODS)
    reward = rewards[method]
    preference = preference_loss(
        method, short_chosen, short_rejected, reward, gamma=gamma, odds=odds
    )
    better = reward(short_chosen) > reward(short_rejected)
    alignment = torch.zeros_like(preference)
    if long_chosen is not None and alpha:
        short = reward(short_chosen)
        alignment = ((short.detach() if detach_short else short) - reward(long_chosen)).abs().mean()
    loss = preference + alpha * alignment
    return Solo(loss, preference, alignment, float(better.float().mean()))
