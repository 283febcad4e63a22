"""How a Triton kernel is specialised: said once, for launching it and for compiling it ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Build:
    """One specialisation of one kernel, as it is launched on some GPU.

    A module with kernels has `builds(target: str) -> list[Build]`, target being "sm_80", "sm_90",
    "sm_100" or "gfx942"; the tests compile them all without a GPU and look at what came out.

    kernel        the @triton.jit function
    types         argument name -> Triton type: "*bf16", "*i32", "i32", "fp32"...
    constants     constexpr argument name -> value
    aligned       integer arguments that are multiples of 16 at launch; pointers are anyway
    options       num_warps and num_stages
    tensor_cores  whether it must come out with matrix instructions
    """

    name: str
    kernel: Any
    types: Mapping[str, str]
    constants: Mapping[str, object]
    aligned: tuple[str, ...] = ()
    options: Mapping[str, int] = field(default_factory=dict)
    tensor_cores: bool = False


@cache
def target_of(device: torch.device) -> str:
    """The target that `device` is: "sm_90" and the like, "gfx942" and the like; the oldest that
    is supported off a GPU, where kernels are interpreted if at all."""
    if device.type != "cuda":
        return "sm_80"
    if torch.version.hip:
        return str(torch.cuda.get_device_properties(device).gcnArchName).partition(":")[0]
    return "sm_{}{}".format(*torch.cuda.get_device_capability(device))
