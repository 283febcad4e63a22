"""Rotary embedding against complex multiplication in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cprs_kernels import Packed, ShapeError, UnavailableError
from cprs_kernels.rotary import rotary_, rotations
from exactness import IMPLEMENTATIONS, KINDS, assert_exact, assert_quantised, numbers

# Queries' heads, keys' heads, size.
HEADS = [(1, 1, 2), (3, 1, 6), (5, 2, 32), (4, 4, 16)]
LENGTHS = [[], [0], [1], [5, 0, 1, 9, 1]]


def exact_rotary(x: Any, cos: Any, sin: Any, positions: Any) -> Any:
    """Pairs (j, j + d/2) as complex numbers, turned."""
    x, half = x.double(), x.shape[-1] // 2
    turn = torch.complex(cos.double(), sin.double())[positions.long()][:, None]
    pairs = torch.complex(x[..., :half].contiguous(), x[..., half:].contiguous()) * turn
    return torch.cat([pairs.real, pairs.imag], -1)


def given(
    lengths: list[int], heads: tuple[int, int, int], *, kind: str, device: Any, prefix: int = 7
) -> Any:
    n, (hq, hk, d) = sum(lengths), heads
    q = numbers(n, hq, d, kind=kind, device=device)
    k = numbers(n, hk, d, kind=kind, device=device, seed=1)
    cos, sin = rotations(prefix + 32, d, theta=1e4, device=device)
    return q, k, cos, sin, Packed.of(lengths, prefix=prefix, device=device)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("heads", HEADS)
@pytest.mark.parametrize("lengths", LENGTHS)
def test_packed_windows_begin_behind_the_prefix(
    device: Any, implementation: Any, kind: str, heads: Any, lengths: list[int]
) -> None:
    q, k, cos, sin, packed = given(lengths, heads, kind=kind, device=device)
    wanted = [exact_rotary(x, cos, sin, packed.positions(len(x))) for x in (q, k)]
    said = rotary_(q, k, cos, sin, packed=packed, implementation=implementation)
    assert said[0] is q
    assert said[1] is k
    for x, exact in zip(said, wanted, strict=True):
        assert_exact(x.flatten(1), exact.flatten(1))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_positions_as_given(device: Any, implementation: Any, dtype: Any) -> None:
    q, k, cos, sin, _ = given([6], (3, 1, 6), kind="float32", device=device)
    positions = torch.tensor([5, 0, 31, 31, 2, 9], dtype=dtype, device=device)
    wanted = [exact_rotary(x, cos, sin, positions) for x in (q, k)]
    said = rotary_(q, k, cos, sin, positions=positions, implementation=implementation)
    for x, exact in zip(said, wanted, strict=True):
        assert_exact(x.flatten(1), exact.flatten(1))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_within_a_fused_projection(device: Any, implementation: Any) -> None:
    hq, hk, d = 4, 2, 8
    fused = numbers(9, (hq + 2 * hk) * d, device=device)
    before = fused.clone()
    q = fused[:, : hq * d].view(9, hq, d)
    k = fused[:, hq * d : (hq + hk) * d].view(9, hk, d)
    cos, sin = rotations(64, d, device=device)
    packed = Packed.of([4, 5], device=device)
    wanted = exact_rotary(
        before[:, : (hq + hk) * d].view(9, hq + hk, d), cos, sin, packed.positions(9)
    )
    rotary_(q, k, cos, sin, packed=packed, implementation=implementation)
    assert_exact(fused[:, : (hq + hk) * d], wanted.flatten(1))
    assert torch.equal(fused[:, (hq + hk) * d :], before[:, (hq + hk) * d :])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
@pytest.mark.parametrize("heads", HEADS)
def test_to_fp8(device: Any, implementation: Any, kind: str, heads: Any) -> None:
    q, k, cos, sin, packed = given([5, 0, 1, 3], heads, kind=kind, device=device)
    before = q.clone()
    said = rotary_(q, k, cos, sin, packed=packed, fp8=True, implementation=implementation)
    assert torch.equal(q, before)
    for made, x in zip(said, (q, k), strict=True):
        assert_quantised(made, exact_rotary(x, cos, sin, packed.positions(9)).flatten(1))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("placed", ["packed", "positions"])
def test_gradients_turn_back(device: Any, implementation: Any, placed: str) -> None:
    q, k, cos, sin, packed = given([5, 0, 1, 3], (3, 1, 6), kind="float32", device=device)
    positions = packed.positions(9)
    where: Any = {"packed": packed} if placed == "packed" else {"positions": positions}
    upon = [numbers(*x.shape, seed=4, device=device) for x in (q, k)]
    leaves = [x.clone().requires_grad_() for x in (q, k)]
    said = rotary_(leaves[0], leaves[1], cos, sin, **where, implementation=implementation)
    torch.autograd.backward(said, upon)
    assert torch.equal(leaves[0], q), "the input was changed under gradients"
    for leaf, gradient in zip(leaves, upon, strict=True):
        exact = leaf.detach().double().requires_grad_()
        exact_rotary(exact, cos, sin, positions).backward(gradient.double())
        assert_exact(leaf.grad.flatten(1), exact.grad.flatten(1))


def test_length_is_kept_at_any_size(device: Any) -> None:
    q, k, cos, sin, packed = given([3], (2, 1, 8), kind="float32", device=device)
    q *= 1e37
    wanted = exact_rotary(q, cos, sin, packed.positions(3))
    rotary_(q, k, cos, sin, packed=packed, implementation="triton")
    assert_exact(q.flatten(1), wanted.flatten(1))


def test_rotations_are_powers_of_theta() -> None:
    cos, sin = rotations(9, 4, theta=100.0)
    angle = torch.outer(torch.arange(9).double(), torch.tensor([1, 0.1]).double())
    assert torch.allclose(cos.double(), angle.cos(), atol=1e-6)
    assert torch.allclose(sin.double(), angle.sin(), atol=1e-6)
    half = rotations(9, 4, frequencies=torch.tensor([0.5, 0.05]), scaling=3.0)
    assert torch.allclose(half[0], 3 * (angle / 2).cos().float(), atol=1e-6)
    assert torch.allclose(half[1], 3 * (angle / 2).sin().float(), atol=1e-6)


def test_positions_out_of_reach_are_nan_where_nobody_can_wait(device: Any) -> None:
    from cprs_kernels.rotary_triton import launch

    q, k, cos, sin, _ = given([3], (1, 1, 4), kind="float32", device=device)
    launch(q, k, cos, sin, torch.tensor([1, 10_000, -1], device=device), None)
    assert q[0].isfinite().all()
    assert q[1:].isnan().all()


def test_what_does_not_fit_is_said() -> None:
    q, k, cos, sin, packed = given([3], (2, 1, 4), kind="float32", device=None)
    with pytest.raises(ShapeError, match="40 positions, but the model's rotations end at 39"):
        rotary_(q, k, cos, sin, packed=Packed.of([3, 33], prefix=7))
    with pytest.raises(ShapeError, match="rotations end at 39"):
        rotary_(q, k, cos, sin, positions=torch.tensor([0, 1, 39]))
    with pytest.raises(ShapeError, match="begin at 0"):
        rotary_(q, k, cos, sin, positions=torch.tensor([0, 1, -1]))
    with pytest.raises(ShapeError, match="not both"):
        rotary_(q, k, cos, sin)
    with pytest.raises(ShapeError, match="for heads of 4"):
        rotary_(q, k, cos[:, :1], sin[:, :1], packed=packed)
    with pytest.raises(ShapeError, match="d even"):
        rotary_(q[..., :3], k[..., :3], cos, sin, packed=packed)
    with pytest.raises(ShapeError, match="frequencies"):
        rotations(4, 8, frequencies=torch.ones(3))
    with pytest.raises(UnavailableError, match="no gradient"):
        rotary_(q.requires_grad_(), k, cos, sin, packed=packed, fp8=True)
