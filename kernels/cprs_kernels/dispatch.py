"""Which implementation runs: a library's kernel, the Triton kernel, or the PyTorch reference."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Literal, get_args

import torch

from cprs_kernels.errors import UnavailableError

Implementation = Literal["triton", "library", "reference"]


def choose(
    requested: Implementation | None,
    obstacles: Mapping[Implementation, str | None],
    *,
    device: torch.device,
) -> Implementation:
    """The implementation to run on `device`.

    `obstacles` maps what there is, best first, to why it cannot run here, or None where it can.
    Without a request, GPUs get the first that can, and CPUs the reference: Triton's interpreter
    is for tests. A request that cannot be met raises UnavailableError with the reason.
    """
    if requested is None:
        if device.type == "cpu":
            return "reference"
        return next(name for name, obstacle in obstacles.items() if obstacle is None)
    if requested not in get_args(Implementation):
        raise UnavailableError(
            f"no implementation is called {requested!r}: it is one of "
            f"{', '.join(get_args(Implementation))}, or None to choose by device"
        )
    obstacle = obstacles.get(requested, "this function has none")
    if obstacle is not None:
        raise UnavailableError(f"implementation={requested!r} cannot run here: {obstacle}")
    return requested


def triton_obstacle(device: torch.device) -> str | None:
    """Why Triton kernels cannot run on tensors of `device`; None where they can."""
    if not _has_triton():
        return "Triton is not installed: pip install triton"
    if device.type not in ("cpu", "cuda"):
        return f"the kernels are for NVIDIA's and AMD's GPUs, not for {device.type!r}"
    if device.type == "cpu" and not _interprets():
        return "Triton needs a GPU: use the reference, or set TRITON_INTERPRET=1 before importing"
    return None


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None


@cache
def _interprets() -> bool:
    # Triton settles this when a kernel's module is imported, so it is asked once.
    import triton

    return bool(triton.knobs.runtime.interpret)
