"""A hybrid in parts over the processes that train it: weights, gradients and moments alike.

Fully sharded data parallelism (Zhao et al. 2023, arXiv 2304.11277) as torch has it: a layer's
weights are gathered before it runs and let go behind it. Every process reads its share of a step's
windows. What is said of them is exchanged, which is little, and so each computes the loss of the
whole step: it is that of one process, whatever its terms are means over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn import functional

from cprs.train.hybrid.model import NEVER, Hybrid
from cprs.train.reason.collate import Goals
from cprs.train.reason.reasoner import Outputs


class Sharded:
    """The processes of torch's default group; see `cprs.train.reason.ranks.Ranks`."""

    def __init__(self, device: torch.device) -> None:
        self.size = dist.get_world_size()
        self._rank = dist.get_rank()
        self.first = self._rank == 0
        self._mesh = init_device_mesh(device.type, (self.size,))
        # Gradients come back through what the model returns, which must be seen into.
        torch.export.register_dataclass(Outputs)

    def shard(self, model: Hybrid) -> Hybrid:
        """Leave this process its part of a model, on its device."""
        for layer in model.model.layers:
            fully_shard(layer, mesh=self._mesh)
        fully_shard(model, mesh=self._mesh)
        return model

    def share(self, count: int) -> Sequence[int]:
        """Every `size`-th."""
        return range(self._rank, count, self.size)

    def joined(self, said: Outputs, own: Sequence[int], goals: Goals) -> Outputs:
        """Of all samples, padded as `goals` are."""
        count, tokens = goals.tags.shape
        passages = goals.target.shape[1]
        most = torch.tensor(said.labels.shape[2], device=said.labels.device)
        dist.all_reduce(most, dist.ReduceOp.MAX)
        rows = torch.tensor(list(own), dtype=torch.long, device=said.odds.device)

        def join(value: Tensor, *shape: int, fill: float = 0.0) -> Tensor:
            found = _padded(value[: len(own)], shape, fill)
            whole = found.new_zeros(count, *shape)
            whole[rows] = found.detach()
            dist.all_reduce(whole)
            # Of a sample that another reads too nothing is wanted but that backward passes by.
            return whole.index_copy(0, rows, found) + 0.0 * value.sum()

        return Outputs(
            correction=join(said.correction, passages),
            odds=join(said.odds, passages),
            token_odds=join(said.token_odds, tokens),
            tags=join(said.tags, tokens, said.tags.shape[2]),
            labels=join(said.labels, tokens, int(most), fill=NEVER),
            probe=None if said.probe is None else join(said.probe, passages),
        )

    def whole(self, state: Any) -> Any:
        """On the CPU, in the first process."""
        if isinstance(state, dict):
            return {name: self.whole(value) for name, value in state.items()}
        if isinstance(state, (list, tuple)):
            return [self.whole(value) for value in state]
        if isinstance(state, DTensor):
            full = state.full_tensor()
            return full.cpu() if self.first else None
        return state.cpu() if isinstance(state, Tensor) else state

    def part(self, whole: Tensor, like: Tensor) -> Tensor:
        """As `like` is kept in parts, if it is. Nothing is exchanged: each has the whole."""
        if not isinstance(like, DTensor):
            return whole
        return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)


def _padded(value: Tensor, shape: Sequence[int], fill: float) -> Tensor:
    """(n, *tail) as (n, *shape), `fill` behind."""
    behind = [want - have for want, have in zip(shape, value.shape[1:], strict=True)]
    pads = [pad for more in reversed(behind) for pad in (0, more)]
    padded: Tensor = functional.pad(value, pads, value=fill)
    return padded
