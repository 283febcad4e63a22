"""What `cprs_bench.kernels` measures. Needs torch."""

from __future__ import annotations

from collections.abc import Iterator

from cprs_bench.kernel_cases.attention import attention
from cprs_bench.kernel_cases.case import SHAPES, TINY, Bench, Case, Shape
from cprs_bench.kernel_cases.heads import compaction, heads
from cprs_bench.kernel_cases.rows import activations, norms, products, rotary
from cprs_bench.kernel_cases.training import training

__all__ = ["SHAPES", "TINY", "Bench", "Case", "Shape", "cases"]


def cases(bench: Bench, shape: Shape) -> Iterator[Case]:
    """All kernels at one shape, those first that most time goes to."""
    yield from attention(bench, shape)
    yield from norms(bench, shape)
    yield from activations(bench, shape)
    yield from products(bench, shape)
    yield rotary(bench, shape)
    yield from heads(bench, shape)
    yield compaction(bench, shape)
    # A training run is of a small model.
    if shape.hidden < 2048:
        yield from training(bench, shape)
