"""Attention of packed windows against a computation in float64 that shares nothing with it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from cprs_kernels import (
    Implementation,
    Packed,
    ShapeError,
    UnavailableError,
    attention_library,
    shared_prefix_attention,
    shared_prefix_attention_lse,
)
from cprs_kernels.attention_inputs import Inputs

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}
SHAPES = {
    "odd windows, grouped": ([5, 0, 70, 1], 37, 4, 2, 16),
    "no prefix": ([17, 64], 0, 3, 1, 64),
    "prefix longer than the windows": ([3, 1], 130, 2, 2, 16),
    "features of no power of two": ([20, 35], 9, 2, 1, 24),
    "a single token": ([1], 0, 1, 1, 16),
}
Case = dict[str, Any]


def case(
    shape: str, dtype: torch.dtype, device: torch.device, *, seed: int = 0, spread: float = 1.0
) -> Case:
    lengths, prefix, heads, key_heads, dim = SHAPES[shape]
    generator = torch.Generator().manual_seed(seed)

    def tensor(rows: int, heads: int) -> torch.Tensor:
        values = torch.randn(rows, heads, dim, generator=generator) * spread
        return values.to(device, dtype)

    rows = sum(lengths)
    return {
        "q": tensor(rows, heads),
        "k": tensor(rows, key_heads),
        "v": tensor(rows, key_heads),
        "prefix_k": tensor(prefix, key_heads) if prefix else None,
        "prefix_v": tensor(prefix, key_heads) if prefix else None,
        "packed": Packed.of(lengths, prefix=prefix, device=device),
    }


def exact(case: Case, *, causal: bool, scale: float | None = None) -> tuple[Any, Any]:
    """Output and log-sum-exp by numpy in float64, row by row."""
    arrays: list[Any] = [
        None if case[name] is None else case[name].detach().double().cpu().numpy()
        for name in ("q", "k", "v", "prefix_k", "prefix_v")
    ]
    q, k, v, pk, pv = arrays
    out, lse = np.zeros(q.shape), np.zeros(q.shape[:2][::-1])
    scale = q.shape[2] ** -0.5 if scale is None else scale
    starts = case["packed"].starts.tolist()
    for start, end in pairwise(starts):
        for row in range(start, end):
            last = row + 1 if causal else end
            for head in range(q.shape[1]):
                group = head // (q.shape[1] // k.shape[1])
                keys, values = k[start:last, group], v[start:last, group]
                if pk is not None:
                    keys = np.concatenate([pk[:, group], keys])
                    values = np.concatenate([pv[:, group], values])
                scores = keys @ q[row, head] * scale
                weights = np.exp(scores - scores.max())
                lse[head, row] = np.log(weights.sum()) + scores.max()
                out[row, head] = weights @ values / weights.sum()
    return out, lse


def near(found: torch.Tensor, expected: Any, tolerance: float) -> bool:
    expected = torch.as_tensor(expected)
    error = (found.detach().double().cpu() - expected).abs().max()
    return bool(error <= tolerance * max(1.0, float(expected.abs().max())))


@pytest.mark.parametrize("implementation", ["triton", "reference"])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(
    shape: str, causal: bool, implementation: Implementation, device: torch.device
) -> None:
    given = case(shape, torch.float32, device)
    out, lse = shared_prefix_attention_lse(**given, causal=causal, implementation=implementation)
    expected, expected_lse = exact(given, causal=causal)
    assert out.shape == given["q"].shape
    assert near(out, expected, 1e-5)
    assert near(lse, expected_lse, 1e-5)


@pytest.mark.parametrize("implementation", ["triton", "reference"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_floats(
    dtype: torch.dtype, implementation: Implementation, device: torch.device
) -> None:
    given = case("odd windows, grouped", dtype, device)
    out = shared_prefix_attention(**given, causal=True, implementation=implementation)
    assert out.dtype == dtype
    assert near(out, exact(given, causal=True)[0], TOLERANCE[dtype])


@pytest.mark.parametrize("spread", [0.0, 100.0])
def test_scores_of_any_size(spread: float, device: torch.device) -> None:
    """Scores all equal, and scores whose exponentials do not fit float32 by far."""
    given = case("features of no power of two", torch.float32, device, spread=spread)
    out, lse = shared_prefix_attention_lse(**given, causal=True, implementation="triton")
    expected, expected_lse = exact(given, causal=True)
    assert near(out, expected, 1e-4)
    assert near(lse, expected_lse, 1e-5)


def test_the_scale_is_what_was_given(device: torch.device) -> None:
    given = case("no prefix", torch.float32, device)
    for implementation in ("triton", "reference"):
        out = shared_prefix_attention(
            **given, causal=False, scale=0.5, implementation=implementation
        )
        assert near(out, exact(given, causal=False, scale=0.5)[0], 1e-5)


def test_rows_may_be_slices_of_one_projection(device: torch.device) -> None:
    given = case("no prefix", torch.float32, device)
    whole = torch.cat([given["q"], given["k"], given["v"]], 1)
    given |= dict(zip("qkv", whole.split([3, 1, 1], 1), strict=True))
    assert not given["q"].is_contiguous()
    out = shared_prefix_attention(**given, causal=True, implementation="triton")
    assert near(out, exact(given, causal=True)[0], 1e-5)


@pytest.mark.parametrize("implementation", ["triton", "reference"])
def test_windows_without_rows(implementation: Implementation, device: torch.device) -> None:
    empty = torch.zeros(0, 2, 16, device=device, requires_grad=True)
    prefix = torch.ones(3, 2, 16, device=device, requires_grad=True)
    packed = Packed.of([0, 0], prefix=3, device=device)
    out = shared_prefix_attention(
        empty, empty, empty, packed=packed, causal=True,
        prefix_k=prefix, prefix_v=prefix, implementation=implementation,
    )  # fmt: skip
    assert out.shape == (0, 2, 16)
    out.sum().backward()


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("shape", ["odd windows, grouped", "features of no power of two"])
def test_gradients(shape: str, causal: bool, device: torch.device) -> None:
    given = case(shape, torch.float32, device)
    names = [name for name in ("q", "k", "v", "prefix_k", "prefix_v") if given[name] is not None]
    weights = torch.randn(given["q"].shape, generator=torch.Generator().manual_seed(1)).double()

    def gradients(implementation: Implementation, dtype: torch.dtype) -> list[torch.Tensor]:
        tensors = {name: given[name].to(dtype).requires_grad_() for name in names}
        out, lse = shared_prefix_attention_lse(
            **(given | tensors), causal=causal, implementation=implementation
        )
        total = (out * weights.to(out)).sum() + (lse * weights[..., 0].t().to(lse)).sum()
        return list(torch.autograd.grad(total, list(tensors.values())))

    expected = gradients("reference", torch.float64)
    found = gradients("triton", torch.float32)
    for name, mine, wanted in zip(names, found, expected, strict=True):
        assert near(mine, wanted.cpu(), 2e-5), name


def test_parts_join_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries' route with another attention of sequences in their place."""
    given = case("odd windows, grouped", torch.float32, torch.device("cpu"))

    def varlen(q: Any, k: Any, v: Any, *borders: Any, causal: bool, scale: float) -> Any:
        q_starts, k_starts, *lengths = borders
        outs, lses = [], []
        for i in range(len(q_starts) - 1):
            rows, keys = slice(*q_starts[i : i + 2].tolist()), slice(*k_starts[i : i + 2].tolist())
            assert rows.stop - rows.start <= lengths[0]
            assert keys.stop - keys.start <= lengths[1]
            window = k[keys].repeat_interleave(2, 1), v[keys].repeat_interleave(2, 1)
            scores = torch.einsum("qhd,khd->hqk", q[rows], window[0]) * scale
            if causal:
                scores += torch.full(scores.shape[1:], float("-inf")).triu(1)
            outs.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), window[1]))
            lses.append(scores.logsumexp(-1))
        return torch.cat(outs), torch.cat(lses, 1)

    monkeypatch.setattr(attention_library, "varlen", varlen)
    for causal in (True, False):
        out, lse = attention_library.attention(Inputs.of(**given, causal=causal, scale=0.25))
        expected, expected_lse = exact(given, causal=causal)
        assert near(out, expected, 1e-5)
        assert near(lse, expected_lse, 1e-5)


def test_no_rows_are_no_work_for_a_library() -> None:
    """Libraries refuse sequences whose longest has no token."""
    q, k = torch.zeros(0, 4, 16), torch.zeros(0, 2, 16)
    prefix = torch.zeros(3, 2, 16)
    packed = Packed.of([0, 0], prefix=3)
    given = Inputs.of(q, k, k, prefix, prefix, packed=packed, causal=True, scale=None)
    out, lse = attention_library.attention(given)
    assert (out.shape, lse.shape) == ((0, 4, 16), (4, 0))


def test_libraries_need_a_gpu() -> None:
    given = case("no prefix", torch.float32, torch.device("cpu"))
    with pytest.raises(UnavailableError, match="need a GPU"):
        shared_prefix_attention(**given, causal=True, implementation="library")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"q": torch.zeros(4, 4, 16)}, "same rows"),
        ({"q": torch.zeros(76, 3, 16)}, "multiple"),
        ({"v": torch.zeros(76, 2, 8)}, "takes q"),
        ({"prefix_v": None}, "both keys and values"),
        ({"prefix_k": None, "prefix_v": None}, "37 tokens"),
        ({"prefix_k": torch.zeros(4, 2, 16)}, "should be"),
        ({"q": torch.zeros(76, 4, 16, dtype=torch.float16)}, "one dtype"),
    ],
)
def test_what_does_not_fit_is_refused(change: Case, reason: str) -> None:
    given = case("odd windows, grouped", torch.float32, torch.device("cpu")) | change
    with pytest.raises(ShapeError, match=reason):
        shared_prefix_attention(**given, causal=True)
