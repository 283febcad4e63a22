"""Triton kernels of the hybrid critic, each beside a PyTorch reference of the same function.

Needs torch; Triton, flash-attn and the like are used when they are there. Every function takes
`implementation=` ("triton", "library" or "reference") and chooses for itself when it is None.
"""

from cprs_kernels.dispatch import Implementation
from cprs_kernels.errors import KernelError, ShapeError, UnavailableError
from cprs_kernels.packed import Packed

__all__ = [
    "Implementation",
    "KernelError",
    "Packed",
    "ShapeError",
    "UnavailableError",
]
