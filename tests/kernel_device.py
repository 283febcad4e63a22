"""Where kernels run: on a GPU where TRITON_INTERPRET=0 says so, else in Triton's interpreter."""

from __future__ import annotations

from typing import Any

import pytest


def open_device() -> Any:
    """The device; skips where Triton is not installed."""
    import torch

    triton = pytest.importorskip("triton", reason="needs triton")
    if not triton.knobs.runtime.interpret:
        return torch.device("cuda")
    _mend_interpreter()
    return torch.device("cpu")


def _mend_interpreter() -> None:
    """Triton's interpreter multiplies the bit patterns of bfloat16 matrices as if they were
    integers, and raises nothing (triton-lang/triton#11584): here it gets numbers."""
    import numpy as np
    import triton.language as tl
    from kernel_casts import mend_casts
    from triton.runtime import interpreter

    builder: Any = interpreter.InterpreterBuilder
    broken = builder.create_dot

    def widened(handle: Any) -> Any:
        if handle.dtype.scalar != tl.bfloat16:
            return handle
        bits = handle.data.astype(np.uint32) << 16
        return interpreter.TensorHandle(bits.view(np.float32), tl.float32)

    def create_dot(self: Any, a: Any, b: Any, *rest: Any) -> Any:
        return broken(self, widened(a), widened(b), *rest)

    builder.create_dot = create_dot
    mend_casts()
