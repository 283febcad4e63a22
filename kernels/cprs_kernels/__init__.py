"""Triton kernels of the hybrid critic, each beside a PyTorch reference of the same function.

Needs torch; Triton, flash-attn and the like are used when they are there. Every function takes
`implementation=` ("triton", "library" or "reference") and chooses for itself when it is None.
"""

from cprs_kernels.attention import shared_prefix_attention, shared_prefix_attention_lse
from cprs_kernels.compaction import compact, occupied
from cprs_kernels.dispatch import Implementation
from cprs_kernels.errors import KernelError, ShapeError, UnavailableError
from cprs_kernels.fp8 import Quantised, fp8_available, quantise, scaled_matmul
from cprs_kernels.head import Heads, critic_head
from cprs_kernels.norms import add_rms_norm
from cprs_kernels.packed import Packed
from cprs_kernels.rotary import rotary_, rotations
from cprs_kernels.swiglu import swiglu
from cprs_kernels.vocabulary import vocabulary_logsumexp

__all__ = [
    "Heads",
    "Implementation",
    "KernelError",
    "Packed",
    "Quantised",
    "ShapeError",
    "UnavailableError",
    "add_rms_norm",
    "compact",
    "critic_head",
    "fp8_available",
    "occupied",
    "quantise",
    "rotary_",
    "rotations",
    "scaled_matmul",
    "shared_prefix_attention",
    "shared_prefix_attention_lse",
    "swiglu",
    "vocabulary_logsumexp",
]
