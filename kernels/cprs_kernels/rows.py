"""What the kernels over rows (tokens) share: tensors as rows, and what keeps a kernel from them."""

from __future__ import annotations

import torch
from torch import Tensor

from cprs_kernels.dispatch import triton_obstacle
from cprs_kernels.errors import ShapeError, UnavailableError

_TYPES = (torch.float32, torch.float16, torch.bfloat16)


def as_rows(x: Tensor) -> Tensor:
    """`x` (..., h) as (n, h), contiguous."""
    return x.reshape(-1, x.shape[-1]).contiguous() if x.ndim != 2 else x.contiguous()


def wide(x: Tensor) -> Tensor:
    """`x` in the type its formula is computed in: float32, or float64 where it is that."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def row_obstacle(
    x: Tensor, *, fp8: bool = False, values: int = 0, most: int = 65_536
) -> str | None:
    """Why Triton's kernel cannot take `x`, of which a program holds `values` at once; None where
    it can. `fp8`: whether it writes e4m3."""
    if x.dtype not in _TYPES:
        return f"the kernel is for float32, float16 and bfloat16, not {x.dtype}"
    if values > most:
        return f"{values:,} values do not fit a program: {most:,} do"
    if fp8 and x.is_cuda and no_e4m3(x.device):
        return no_e4m3(x.device)
    return triton_obstacle(x.device)


def check(condition: bool, message: str) -> None:
    """ShapeError with `message` unless `condition`."""
    if not condition:
        raise ShapeError(message)


def check_no_gradient(what: str, *tensors: Tensor | None) -> None:
    """UnavailableError where a gradient is asked for that there is none of."""
    if torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors):
        raise UnavailableError(f"{what} has no gradient: call it under torch.no_grad()")


def programs(x: Tensor, *, each: int = 2, otherwise: int = 4) -> int:
    """How many programs keep a GPU's processors busy with `each`; `otherwise` off a GPU."""
    if not x.is_cuda:
        return otherwise
    return each * int(torch.cuda.get_device_properties(x.device).multi_processor_count)


def no_e4m3(device: torch.device) -> str | None:
    """Why the GPU `device` has no float8_e4m3fn; None where it has."""
    if torch.version.hip is not None:
        return "e4m3 is supported on NVIDIA's GPUs alone: AMD's is another format on some"
    if torch.cuda.get_device_capability(device) < (8, 9):
        return "this GPU has no fp8: it begins with sm_89"
    return None
