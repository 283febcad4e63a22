"""In which precision a run multiplies."""

from __future__ import annotations

import torch

from cprs.errors import OptionError


def in_bfloat16(precision: str, on: torch.device) -> bool:
    """Whether a recipe's `precision` means bfloat16 on this device: where that is left open, on
    GPUs that have it. On CPUs without such units it is slower than float32.

    Raises `OptionError` where it is asked for on a GPU that has none.
    """
    if precision == "float32" or (precision == "auto" and on.type != "cuda"):
        return False
    there: bool = on.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "bfloat16" and not there:
        raise OptionError("precision: this GPU has no bfloat16; write float32, or auto")
    return there
