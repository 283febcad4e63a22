"""Casts of Triton's interpreter, mended.

Its own cut float32 off where it becomes bfloat16, and lose the carry where it becomes e4m3: 127.9
becomes 64. Seen in Triton 3.6.0 and 3.9.0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton.language as tl
from triton.runtime import interpreter

_TYPES = {
    tl.float64: torch.float64,
    tl.float32: torch.float32,
    tl.float16: torch.float16,
    tl.bfloat16: torch.bfloat16,
    tl.float8e4nv: torch.float8_e4m3fn,
}


def mend_casts() -> None:
    """Have the interpreter cast as torch does: to the nearest, ties to even."""
    theirs = interpreter._convert_float

    def convert(data: Any, source: Any, target: Any, rounding: Any) -> Any:
        if source not in _TYPES or target not in _TYPES:
            return theirs(data, source, target, rounding)
        size = source.primitive_bitwidth
        bits = np.ascontiguousarray(data).view(getattr(np, f"int{size}"))
        cast = torch.from_numpy(bits).view(_TYPES[source]).to(_TYPES[target])
        kind = target.primitive_bitwidth
        said = cast.view(getattr(torch, f"int{kind}")).numpy()
        return said.view(getattr(np, f"uint{kind}")).reshape(data.shape)

    interpreter._convert_float = convert
