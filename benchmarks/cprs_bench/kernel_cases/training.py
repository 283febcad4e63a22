"""Forward and backward together, of what training a hybrid uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from cprs_kernels.norms import add_rms_norm_reference
from cprs_kernels.swiglu import swiglu_reference
from torch import Tensor

from cprs_bench.kernel_cases.attention import attention
from cprs_bench.kernel_cases.case import EPSILON, Bench, Case, Run, Shape
from cprs_bench.kernel_cases.rows import activations, norms


def training(bench: Bench, shape: Shape) -> Iterator[Case]:
    """The same contenders as forward, those to fp8 left out: they have no gradients."""
    formulas: dict[str, Run] = {
        "residual + RMSNorm": lambda x, r, w: add_rms_norm_reference(x, r, w, EPSILON),
        "SwiGLU": swiglu_reference,
    }
    for case in (*norms(bench, shape), *activations(bench, shape)):
        if case.kernel in formulas:
            yield _both_ways(case, formulas[case.kernel], passes=3)
    causal = next(attention(bench, shape))
    # The backward pass has five products for the forward's two.
    yield _both_ways(causal, causal.contenders["torch SDPA"], passes=3.5)


def _both_ways(case: Case, formula: Run, *, passes: float) -> Case:
    def exact(*inputs: Tensor) -> tuple[Tensor, ...]:
        return _gradients(formula, [x.float() for x in inputs])

    def trained(run: Run) -> Run:
        return lambda *inputs: _gradients(run, list(inputs))

    return replace(
        case,
        kernel=f"{case.kernel}, with gradients",
        exact=exact,
        contenders={name: trained(run) for name, run in case.contenders.items()},
        built={name: trained(run) for name, run in case.built.items()},
        within=2 * case.within,
        bytes=int(passes * case.bytes),
        flops=int(passes * case.flops),
    )


def _gradients(run: Run, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """Of the outputs' products with fixed numbers, in each input."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in inputs]
        made: Any = run(*leaves)
        outputs = list(made) if isinstance(made, tuple) else [made]
        upon = [_numbers_like(x) for x in outputs]
        return tuple(torch.autograd.grad(outputs, leaves, upon))


def _numbers_like(x: Tensor) -> Tensor:
    """The same for tensors of one shape, whatever their type, and cheap to make."""
    width = x.shape[-1]
    row = torch.linspace(-1, 1, width, device=x.device).to(x.dtype)
    return row.expand_as(x).contiguous()
