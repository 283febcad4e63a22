"""How far a kernel's result may be from the same formula in float64."""

from __future__ import annotations

from typing import Any

import torch

KINDS = ("float32", "float16", "bfloat16")
IMPLEMENTATIONS = ("reference", "triton")


def numbers(*shape: int, kind: str = "float32", device: Any = None, seed: int = 0) -> Any:
    """Normally distributed numbers."""
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return made.to(getattr(torch, kind)).to(device)


def assert_exact(actual: Any, exact: Any, *, roundings: float = 1.0, noise: float = 2e-6) -> None:
    """`actual` is `exact` (float64) after so many roundings to its type, give or take what sums
    in float32 lose: `noise` times the largest number of the row."""
    assert actual.shape == exact.shape
    if not exact.numel():
        return
    exact = exact.cpu()
    step = roundings * torch.finfo(actual.dtype).eps / 2
    scale = exact.abs().amax(-1, keepdim=True) if exact.ndim else exact.abs()
    allowed = exact.abs() * step * 1.01 + scale * noise + torch.finfo(actual.dtype).tiny
    wrong = (actual.cpu().double() - exact).abs() / allowed
    assert bool((wrong <= 1).all()), f"{wrong.nan_to_num(9e9).max():.3g} times what is allowed"


def assert_quantised(actual: Any, exact: Any) -> None:
    """`actual` holds rows of `exact` (n, h) float64 rounded to e4m3 at their own scales."""
    assert actual.values.dtype == torch.float8_e4m3fn
    assert actual.values.shape == exact.shape
    assert actual.scale.shape == exact.shape[:1]
    assert actual.scale.dtype == torch.float32
    if not exact.numel():
        return
    exact = exact.cpu()
    scale = actual.scale.cpu().double()
    wanted = exact.abs().amax(-1) / 448
    assert torch.allclose(scale, wanted, rtol=1e-5, atol=2e-30)
    scale = scale[:, None]
    # Three bits after the point, and steps of 2⁻⁹ below 2⁻⁶.
    allowed = exact.abs() * 2**-4 * 1.001 + scale * 2**-10 * 1.01
    assert bool(((actual.values.cpu().double() * scale - exact).abs() <= allowed).all())
