"""SwiGLU against the same in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cprs_kernels import ShapeError, UnavailableError
from cprs_kernels.swiglu import swiglu
from exactness import IMPLEMENTATIONS, KINDS, assert_exact, assert_quantised, numbers

# The interpreter computes with numpy, which warns where a GPU gives an infinity.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
SHAPES = [(0, 8), (1, 1), (5, 37), (2, 1100), (1, 5000)]


def exact_swiglu(gate_up: Any) -> Any:
    gate, up = gate_up.double().chunk(2, -1)
    return gate / (1 + torch.exp(-gate)) * up


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_forward(device: Any, implementation: Any, kind: str, shape: tuple[int, int]) -> None:
    gate_up = numbers(shape[0], 2 * shape[1], kind=kind, device=device) * 3
    assert_exact(swiglu(gate_up, implementation=implementation), exact_swiglu(gate_up))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_to_fp8(device: Any, implementation: Any, kind: str, shape: tuple[int, int]) -> None:
    gate_up = numbers(shape[0], 2 * shape[1], kind=kind, device=device) * 3
    if shape[0] > 3:
        gate_up[3] = 0
    said = swiglu(gate_up, fp8=True, implementation=implementation)
    assert_quantised(said, exact_swiglu(gate_up))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("fp8", [False, True])
def test_large_gates_open_and_close(device: Any, implementation: Any, fp8: bool) -> None:
    gates = [-3e38, -1e4, -90.0, 0.0, 90.0, 1e4, 3e38]
    gate_up = torch.tensor([[*gates, *[0.5] * 7], [*[2.0] * 14]], device=device)
    said = swiglu(gate_up, fp8=fp8, implementation=implementation)
    y = said if isinstance(said, torch.Tensor) else said.dequantised()
    assert y.isfinite().all()
    assert torch.allclose(y[0, -1], torch.tensor(1.5e38, device=device))
    assert y[0, :4].abs().max() < 1e-30


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_what_is_not_a_number_stays_in_its_row(
    device: Any, implementation: Any, bad: float
) -> None:
    gate_up = numbers(3, 20, device=device)
    gate_up[1, 4] = bad
    assert swiglu(gate_up, implementation=implementation)[[0, 2]].isfinite().all()
    said = swiglu(gate_up, fp8=True, implementation=implementation).dequantised()
    assert said[[0, 2]].isfinite().all()
    assert not said[1].isfinite().all()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients(device: Any, implementation: Any, kind: str, shape: tuple[int, int]) -> None:
    n, f = shape
    gate_up = (numbers(n, 2 * f, kind=kind, device=device) * 3).requires_grad_()
    upon = numbers(n, f, kind=kind, device=device, seed=1)
    swiglu(gate_up, implementation=implementation).backward(upon)
    exact = gate_up.detach().double().requires_grad_()
    exact_swiglu(exact).backward(upon.double())
    assert_exact(gate_up.grad, exact.grad)


def test_gradients_of_large_gates_are_finite(device: Any) -> None:
    gate_up = torch.tensor([[-3e38, -200.0, 200.0, 3e38, 1.0, 1.0, 1.0, 1.0]], device=device)
    gate_up.requires_grad_()
    swiglu(gate_up, implementation="triton").sum().backward()
    assert gate_up.grad.tolist()[0][:4] == [0, 0, 1, 1]
    assert gate_up.grad.isfinite().all()


def test_leading_axes_and_strides(device: Any) -> None:
    gate_up = numbers(2, 3, 40, device=device)[:, :, ::2]
    said = swiglu(gate_up, implementation="triton")
    assert_exact(said, exact_swiglu(gate_up))
    assert said.shape == (2, 3, 10)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ShapeError, match=r"side by side, not \(2, 3\)"):
        swiglu(torch.ones(2, 3))
    with pytest.raises(UnavailableError, match="no gradient"):
        swiglu(torch.ones(2, 4, requires_grad=True), fp8=True)
