"""A probe: a tag head that reads windows early, so that those without evidence need not be read on.

It stands behind the first few causal layers, where the prompt has been seen and little has been
spent. `cprs train critic` trains it where the recipe says so; other checkpoints have none.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from cprs_kernels.head import critic_head
from torch import Tensor

from cprs.critics.hybrid.checkpoint import PROBE, Checkpoint
from cprs.critics.hybrid.placement import Placement


@dataclass(frozen=True, slots=True)
class Probe:
    """A tag head, (4, h) and (4,), behind the first `layers`. Its norm has no weights, (h,) ones:
    the head has its own."""

    layers: int
    weight: Tensor
    bias: Tensor

    @classmethod
    def load(cls, checkpoint: Checkpoint, placement: Placement, dtype: torch.dtype) -> Probe | None:
        """The checkpoint's, if it has one."""
        layers = checkpoint.config.probe_layers
        if not layers:
            return None
        at = placement.layers[layers - 1]
        weight = checkpoint.tensor(PROBE, device=at, dtype=dtype)
        return cls(layers, weight, checkpoint.tensor("probe_head.bias", device=at, dtype=dtype))

    def __call__(self, hidden: Tensor, epsilon: float) -> Tensor:
        """Probabilities (n, 4) of B I O E of rows (n, h)."""
        return critic_head(
            hidden,
            norm_weight=hidden.new_ones(hidden.shape[1]),
            epsilon=epsilon,
            tag_weight=self.weight,
            tag_bias=self.bias,
        ).tags
