"""Several GPUs of one machine: who does what, and the policy's weights spread over them (FSDP2).

Start with `torchrun --nproc-per-node N -m cprs l1 train ...`; without torchrun all of it is one
process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, TypeVar

import torch

from cprs.l1.policy import Policy

T = TypeVar("T")
_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class World:
    """Process `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> list[T]:
        """This process's part of `items`: every size-th."""
        return list(items[self.rank :: self.size])

    def join(self, mine: Sequence[T]) -> list[T]:
        """The parts of all processes, each made from its `share`, in the whole's order."""
        if self.size == 1:
            return list(mine)
        parts: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(parts, list(mine))
        woven = chain.from_iterable(zip_longest(*parts, fillvalue=_MISSING))
        return [one for one in woven if one is not _MISSING]

    def total(self, values: Sequence[float]) -> list[float]:
        """Sums over all processes."""
        if self.size == 1:
            return list(values)
        return [sum(column) for column in zip(*self._all(list(values)), strict=True)]

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            torch.distributed.barrier()

    def _all(self, mine: list[float]) -> list[list[float]]:
        parts: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(parts, mine)
        return parts


def join_world(device: str) -> tuple[World, str]:
    """The world that torchrun made, and this process's device; one process without torchrun."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World(), device
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    backend = "nccl" if device.startswith("cuda") else "gloo"
    torch.distributed.init_process_group(backend)
    return World(torch.distributed.get_rank(), size), device


def spread(policy: Policy, world: World) -> None:
    """Shard the policy over the world's processes, layer by layer (FSDP2). In bfloat16 where the
    policy is: its float32 weights are what is sharded and updated."""
    if world.size == 1:
        return
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import (
        MixedPrecisionPolicy,
        fully_shard,
        register_fsdp_forward_method,
    )

    mesh = init_device_mesh(policy.device.type, (world.size,))
    mixed = MixedPrecisionPolicy(
        param_dtype=torch.bfloat16 if policy.short else None, reduce_dtype=torch.float32
    )
    for layer in _layers(policy.model):
        fully_shard(layer, mesh=mesh, mp_policy=mixed)
    fully_shard(policy.model, mesh=mesh, mp_policy=mixed)
    if policy.lora:
        # What peft wraps generates by itself, and FSDP would hear of its layers before the whole.
        register_fsdp_forward_method(policy.model, "generate")


@contextmanager
def whole(policy: Policy, world: World) -> Iterator[None]:
    """All weights in every process meanwhile: each may then call the policy as often as it likes,
    as sampling does, without the others."""
    if world.size == 1:
        yield
        return
    from torch.distributed.fsdp import FSDPModule

    parts = [part for part in policy.model.modules() if isinstance(part, FSDPModule)]
    for part in parts:
        part.unshard()
        part.set_reshard_after_forward(False, recurse=False)
    try:
        yield
    finally:
        for part in parts:
            part.set_reshard_after_forward(True, recurse=False)
            part.reshard()


def full_weights(policy: Policy, world: World) -> dict[str, Any]:
    """All weights by name, on the CPU, in every process. All processes must call this."""
    if world.size == 1:
        return {
            name: tensor.detach().cpu().clone()
            for name, tensor in policy.model.state_dict().items()
        }
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    found: dict[str, Any] = get_model_state_dict(policy.model, options=options)
    return _same_everywhere(found)


def set_weights(policy: Policy, weights: dict[str, Any], world: World) -> None:
    """Load weights as `full_weights` gives them. All processes must call this."""
    if world.size == 1:
        policy.model.load_state_dict(weights)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    set_model_state_dict(
        policy.model, dict(weights), options=StateDictOptions(full_state_dict=True)
    )


def full_optimizer(policy: Policy, optimizer: Any, world: World) -> dict[str, Any]:
    """The optimizer's state, whole, in every process. All processes must call this."""
    if world.size == 1:
        state: dict[str, Any] = optimizer.state_dict()
        return state
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return _same_everywhere(get_optimizer_state_dict(policy.model, optimizer, options=options))


def set_optimizer(policy: Policy, optimizer: Any, state: dict[str, Any], world: World) -> None:
    """Load what `full_optimizer` gave. All processes must call this."""
    if world.size == 1:
        optimizer.load_state_dict(state)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict

    set_optimizer_state_dict(
        policy.model, optimizer, state, options=StateDictOptions(full_state_dict=True)
    )


def _same_everywhere(state: dict[str, Any]) -> dict[str, Any]:
    """The first process's: with offloading, only it is given the whole."""
    holder = [state if torch.distributed.get_rank() == 0 else None]
    torch.distributed.broadcast_object_list(holder, src=0)
    found: Any = holder[0]
    return dict(found)


def _layers(model: Any) -> list[Any]:
    """The decoder's layers: what every other module list of a language model is part of."""
    lists = [part for part in model.modules() if isinstance(part, torch.nn.ModuleList)]
    return max((list(one) for one in lists), key=len, default=[])
