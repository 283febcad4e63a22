"""Quantising to e4m3, and products of what was quantised."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cprs_kernels import ShapeError, UnavailableError
from cprs_kernels.fp8 import Quantised, fp8_available, quantise, scaled_matmul
from exactness import IMPLEMENTATIONS, KINDS, assert_exact, assert_quantised, numbers

# The interpreter computes with numpy, which warns where a GPU gives an infinity.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(0, 8), (1, 1), (5, 37), (2, 9000)])
def test_rows_at_their_own_scale(
    device: Any, implementation: Any, kind: str, shape: tuple[int, int]
) -> None:
    x = numbers(*shape, kind=kind, device=device)
    assert_quantised(quantise(x, implementation=implementation), x.double())


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("size", [0.0, 1e-37, 1e-20, 1e20, 3e38])
def test_rows_of_any_size(device: Any, implementation: Any, size: float) -> None:
    x = numbers(3, 33, device=device).clamp(-1, 1) * size
    said = quantise(x, implementation=implementation)
    assert (said.scale > 0).all()
    if size > 1e-25:
        assert_quantised(said, x.double())
    else:
        assert (said.dequantised() - x).abs().max() <= 1e-30


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_every_number_of_the_format_is_kept(device: Any, implementation: Any) -> None:
    bits = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn)
    x = bits.float()[bits.float().isfinite()][None].to(device)
    said = quantise(x, implementation=implementation)
    assert said.scale.item() == pytest.approx(1, rel=1e-6)
    assert torch.equal(said.values.float(), x)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_what_is_not_a_number_reaches_the_product(
    device: Any, implementation: Any, bad: float
) -> None:
    x = numbers(3, 32, device=device)
    x[1, 3] = bad
    weight = quantise(numbers(16, 32, device=device, seed=1))
    y = scaled_matmul(quantise(x, implementation=implementation), weight.values, weight.scale)
    assert y[1].isnan().all()
    assert y[[0, 2]].isfinite().all()


@pytest.mark.parametrize("shape", [(0, 16, 16), (1, 1, 1), (5, 37, 11), (64, 128, 48)])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("one", [False, True])
def test_products(device: Any, shape: tuple[int, int, int], biased: bool, one: bool) -> None:
    n, h, out = shape
    x = quantise(numbers(n, h, device=device))
    weight = quantise(numbers(out, h, device=device, seed=1))
    scale = weight.scale[0] if one else weight.scale
    bias = numbers(out, kind="bfloat16", device=device, seed=2) if biased else None
    y = scaled_matmul(x, weight.values, scale, bias=bias)
    exact = x.values.double() @ (weight.values.double() * scale.double().view(-1, 1)).T
    exact = exact * x.scale.double()[:, None]
    assert_exact(y, exact if bias is None else exact + bias.double(), roundings=2, noise=1e-5)


def test_products_of_quantised_numbers_are_near_those_of_the_numbers(device: Any) -> None:
    x, weight = numbers(64, 512, device=device), numbers(32, 512, device=device, seed=1)
    stored = quantise(weight)
    exact = x.double() @ weight.double().T
    wrong = scaled_matmul(quantise(x), stored.values, stored.scale).double() - exact
    assert (wrong.norm() / exact.norm()).item() < 0.05


def test_what_does_not_fit_is_said() -> None:
    x, weight = quantise(numbers(3, 8)), quantise(numbers(4, 8))
    with pytest.raises(ShapeError, match="8"):
        scaled_matmul(x, weight.values[:, :7], weight.scale)
    with pytest.raises(ShapeError, match="quantise it first"):
        scaled_matmul(x, numbers(4, 8), weight.scale)
    with pytest.raises(ShapeError, match="a weight of 4 rows"):
        scaled_matmul(x, weight.values, weight.scale[:3])
    with pytest.raises(ShapeError, match="nothing to quantise"):
        quantise(torch.ones(3, 0))
    with pytest.raises(UnavailableError, match="no gradient"):
        quantise(numbers(2, 4).requires_grad_())


def test_a_cpu_has_no_fp8_products() -> None:
    assert not fp8_available("cpu")
    x, weight = quantise(numbers(16, 16)), quantise(numbers(16, 16))
    with pytest.raises(UnavailableError, match="need an NVIDIA GPU"):
        scaled_matmul(x, weight.values, weight.scale, implementation="library")


def test_older_gpus_are_told_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    assert not fp8_available("cuda")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert fp8_available("cuda")
    monkeypatch.setattr(torch.version, "hip", "7.0")
    assert not fp8_available("cuda")


def test_what_it_stands_for() -> None:
    values = torch.tensor([[1.0, -2.0], [0.5, 448.0]]).to(torch.float8_e4m3fn)
    said = Quantised(values, torch.tensor([2.0, 0.5])).dequantised(torch.bfloat16)
    assert said.tolist() == [[2.0, -4.0], [0.25, 224.0]]
    assert said.dtype == torch.bfloat16
