"""The vocabulary's log-sum-exp against the same in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cprs_kernels import ShapeError, UnavailableError
from cprs_kernels.vocabulary import vocabulary_logsumexp
from exactness import KINDS, numbers

# The interpreter computes with numpy, which warns where a GPU gives an infinity.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
IMPLEMENTATIONS = ("reference", "library", "triton")
# Tokens, width and words.
SHAPES = [(0, 8, 5), (1, 1, 1), (3, 37, 129), (130, 64, 700)]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_log_sum_exp(
    device: Any, implementation: Any, kind: str, shape: tuple[int, int, int]
) -> None:
    n, h, words = shape
    hidden = numbers(n, h, kind=kind, device=device)
    weight = numbers(words, h, kind=kind, device=device, seed=1)
    said = vocabulary_logsumexp(hidden, weight, implementation=implementation)
    assert said.dtype == torch.float32
    exact = (hidden.double() @ weight.double().T).logsumexp(-1)
    # The library rounds logits, the kernel does not.
    step = torch.finfo(hidden.dtype).eps if implementation == "library" else 0
    assert torch.allclose(said.double(), exact, rtol=1e-5 + step, atol=1e-4)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("size", [0.0, 1e4, 1e15, 1e30])
def test_logits_of_any_size(device: Any, implementation: Any, size: float) -> None:
    hidden = numbers(4, 20, device=device) * size
    weight = numbers(300, 20, device=device, seed=1)
    said = vocabulary_logsumexp(hidden, weight, implementation=implementation)
    exact = (hidden.double() @ weight.double().T).logsumexp(-1)
    assert torch.allclose(said.double(), exact, rtol=1e-5)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_infinite_logits(device: Any, implementation: Any) -> None:
    hidden = torch.ones(3, 2, device=device)
    hidden[1] = float("inf")
    hidden[2, 0] = float("nan")
    weight = torch.tensor([[1.0, 1.0]] * 200 + [[-1.0, -1.0]] * 200, device=device)
    said = vocabulary_logsumexp(hidden, weight, implementation=implementation)
    assert said[0].isfinite()
    assert said[1] == float("inf")
    assert said[2].isnan()
    assert vocabulary_logsumexp(-hidden[1:2], weight[:200], implementation=implementation) == float(
        "-inf"
    )


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ShapeError, match=r"\(3, 8\) and an LM head \(5, 7\)"):
        vocabulary_logsumexp(numbers(3, 8), numbers(5, 7))
    with pytest.raises(ShapeError, match="float16"):
        vocabulary_logsumexp(numbers(3, 8), numbers(5, 8).half())
    with pytest.raises(UnavailableError, match="no gradient"):
        vocabulary_logsumexp(numbers(3, 8).requires_grad_(), numbers(5, 8))
