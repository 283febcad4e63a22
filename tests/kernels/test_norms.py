"""Residual + RMSNorm against the same in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cprs_kernels import ShapeError, UnavailableError
from cprs_kernels.fp8 import Quantised
from cprs_kernels.norms import add_rms_norm
from exactness import IMPLEMENTATIONS, KINDS, assert_exact, assert_quantised, numbers

# The interpreter computes with numpy, which warns where a GPU gives an infinity.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

EPSILON = 1e-6
SHAPES = [(0, 8), (1, 1), (5, 37), (33, 128), (3, 4100)]


def exact_norm(s: Any, weight: Any) -> Any:
    s = s.double()
    return s / (s.square().mean(-1, keepdim=True) + EPSILON).sqrt() * weight.double()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_sum_and_its_norm(device: Any, implementation: Any, kind: str, shape: Any) -> None:
    x, residual = (numbers(*shape, kind=kind, device=device, seed=seed) for seed in (1, 2))
    weight = numbers(shape[1], kind=kind, device=device, seed=3)
    y, total = add_rms_norm(x, residual, weight, EPSILON, implementation=implementation)
    assert total.dtype == y.dtype == x.dtype
    assert torch.equal(total, x + residual)
    assert_exact(y, exact_norm(total, weight))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_without_a_residual_the_sum_is_the_input(device: Any, implementation: Any) -> None:
    x, weight = numbers(2, 3, 20, device=device), numbers(20, device=device, seed=1)
    y, total = add_rms_norm(x, None, weight, EPSILON, implementation=implementation)
    assert total is x
    assert_exact(y, exact_norm(x, weight))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("size", [1e-30, 1e-3, 1e14, 1e16, 1e21, 2e38])
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_finite_rows_stay_finite(device: Any, implementation: Any, size: float, kind: str) -> None:
    x = numbers(4, 50, device=device).clamp(-1, 1)
    x = (x * size).to(getattr(torch, kind))
    x[1] = 0
    weight = numbers(50, kind=kind, device=device, seed=1)
    y, _ = add_rms_norm(x, None, weight, EPSILON, implementation=implementation)
    assert_exact(y, exact_norm(x, weight))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), float("nan")])
def test_what_is_not_a_number_stays_in_its_row(
    device: Any, implementation: Any, bad: float
) -> None:
    x, weight = numbers(3, 40, device=device), numbers(40, device=device, seed=1)
    x[1, 7] = bad
    for fp8 in (False, True):
        y = add_rms_norm(x, None, weight, fp8=fp8, implementation=implementation)[0]
        said = y.dequantised() if isinstance(y, Quantised) else y
        assert said[[0, 2]].isfinite().all()
        assert said[1, 7].isnan()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_to_fp8(device: Any, implementation: Any, kind: str, shape: Any) -> None:
    x, residual = (numbers(*shape, kind=kind, device=device, seed=seed) for seed in (1, 2))
    if shape[0] > 3:
        x[3] = residual[3] = 0
    weight = numbers(shape[1], kind=kind, device=device, seed=3)
    y, total = add_rms_norm(x, residual, weight, EPSILON, fp8=True, implementation=implementation)
    assert torch.equal(total, x + residual)
    assert_quantised(y, exact_norm(total, weight))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
@pytest.mark.parametrize("shape", [(1, 1), (37, 20), (0, 8)])
def test_gradients(
    device: Any, implementation: Any, residual: bool, kind: str, shape: tuple[int, int]
) -> None:
    given = [numbers(*shape, kind=kind, seed=seed, device=device) for seed in (1, 2)]
    given = [*given[: 1 + residual], numbers(shape[1], kind=kind, seed=3, device=device)]
    upon = [numbers(*shape, kind=kind, seed=seed, device=device) for seed in (4, 5)]
    leaves = [x.clone().requires_grad_() for x in given]
    y, total = add_rms_norm(
        leaves[0], leaves[1] if residual else None, leaves[-1], EPSILON,
        implementation=implementation,
    )  # fmt: skip
    torch.autograd.backward([y, total], upon)

    exact = [x.double().requires_grad_() for x in given]
    s = exact[0] + exact[1] if residual else exact[0]
    # The sum is rounded as it is stored.
    s = s + (total.detach().double() - s.detach())
    torch.autograd.backward([exact_norm(s, exact[-1]), s], [x.double() for x in upon])
    for leaf, wanted in zip(leaves, exact, strict=True):
        # Two gradients are added in their own type.
        noise = 1e-5 if kind == "float32" else 1e-2
        assert_exact(leaf.grad, wanted.grad, roundings=3, noise=noise)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_gradients_of_one_output_alone(device: Any, implementation: Any) -> None:
    given = [numbers(6, 20, seed=seed, device=device).requires_grad_() for seed in (1, 2)]
    weight = numbers(20, seed=3, device=device)
    _, total = add_rms_norm(given[0], given[1], weight, implementation=implementation)
    total.sum().backward()
    assert torch.equal(given[0].grad, torch.ones(6, 20, device=device))
    assert torch.equal(given[1].grad, torch.ones(6, 20, device=device))


def test_gradients_of_very_large_rows(device: Any) -> None:
    x = (numbers(3, 16, device=device) * 1e30).requires_grad_()
    weight = numbers(16, seed=3, device=device)
    y, _ = add_rms_norm(x, None, weight, implementation="triton")
    y.sum().backward()
    exact = x.detach().double().requires_grad_()
    exact_norm(exact, weight).sum().backward()
    # Numbers of 1e-30: in units of the rows' size.
    assert_exact(x.grad * 1e30, exact.grad * 1e30, noise=1e-5)


def test_rows_of_other_strides(device: Any) -> None:
    wide = numbers(9, 64, device=device)
    x, weight = wide[:, ::2], numbers(64, device=device)[::2]
    y, _ = add_rms_norm(x, x, weight, implementation="triton")
    assert_exact(y, exact_norm(x + x, weight))


def test_what_does_not_fit_is_said() -> None:
    x, weight = numbers(3, 8), numbers(8)
    with pytest.raises(ShapeError, match=r"a norm of \(7,\) over \(3, 8\)"):
        add_rms_norm(x, None, weight[:7])
    with pytest.raises(ShapeError, match=r"\(3, 8\) \+ \(2, 8\)"):
        add_rms_norm(x, x[:2], weight)
    with pytest.raises(ShapeError, match=r"float32 \+ torch.float16"):
        add_rms_norm(x, x.half(), weight)
    with pytest.raises(UnavailableError, match="no gradient"):
        add_rms_norm(x.requires_grad_(), None, weight, fp8=True)
    with pytest.raises(UnavailableError, match="float64"):
        add_rms_norm(x.detach().double(), None, weight.double(), implementation="triton")
    with pytest.raises(UnavailableError, match="do not fit"):
        add_rms_norm(torch.ones(1, 70_000), None, torch.ones(70_000), implementation="triton")
