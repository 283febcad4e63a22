"""What the device can do at best: matrix products and copies, measured, not its data sheet's."""

from __future__ import annotations

from functools import partial

import torch
from cprs_kernels.fp8 import fp8_available, quantise, scaled_matmul

from cprs_bench.gpu.measure import device_of, measure
from cprs_bench.gpu.record import Size, Tell


def ceiling(tell: Tell, size: Size) -> None:
    """Square products in bf16, those of the 7B's layers in bf16 and fp8, and a copy."""
    device = device_of()
    for rows, inner, out, what in _shapes(size):
        x = torch.randn(rows, inner, device=device, dtype=torch.bfloat16)
        weight = torch.randn(out, inner, device=device, dtype=torch.bfloat16)
        best = measure(partial(torch.matmul, x, weight.T), device, times=20, warm=3, seconds=2)
        work = 2.0 * rows * inner * out
        tell(what=what, precision="bf16", tflops=work / best.seconds / 1e12)
        if device.type == "cpu" or fp8_available(device):
            xs, ws = quantise(x), quantise(weight)
            best = measure(
                partial(scaled_matmul, xs, ws.values, ws.scale),
                device,
                times=20,
                warm=3,
                seconds=2,
            )
            tell(what=what, precision="fp8", tflops=work / best.seconds / 1e12)
    values = torch.empty(size.copy, device=device, dtype=torch.uint8)
    other = torch.empty_like(values)
    best = measure(lambda: other.copy_(values), device, times=20, warm=3, seconds=2)
    tell(what="copy, read and written", tb_per_second=2 * size.copy / best.seconds / 1e12)


def _shapes(size: Size) -> list[tuple[int, int, int, str]]:
    if size.tiny:
        return [(64, 64, 64, "64 x 64 x 64")]
    return [
        (8192, 8192, 8192, "8192 x 8192 x 8192"),
        (16384, 3584, 37_888, "7B gate and up"),
        (16384, 18_944, 3584, "7B down"),
        (16384, 1024, 6144, "0.6B gate and up"),
    ]
