"""Every kernel on this device beside its formula in float64, over odd shapes and all types.

The interpreter, in which `make test` runs them, has no tensor cores, no bf16 and no races.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from cprs_kernels import Packed, UnavailableError
from cprs_kernels.attention import shared_prefix_attention
from cprs_kernels.compaction import compact
from cprs_kernels.fp8 import Quantised, fp8_available, quantise, scaled_matmul
from cprs_kernels.head import critic_head
from cprs_kernels.norms import add_rms_norm
from cprs_kernels.rotary import rotary_, rotations
from cprs_kernels.swiglu import swiglu
from cprs_kernels.vocabulary import vocabulary_logsumexp
from torch import Tensor

from cprs_bench.gpu.measure import device_of
from cprs_bench.gpu.record import Size, Tell

_TYPES = (torch.float32, torch.float16, torch.bfloat16)
_BOUNDS = {torch.float32: 3e-3, torch.float16: 4e-3, torch.bfloat16: 3e-2}
"""Of the largest difference, for values of about 1. Products of float32 may be in TF32."""
_IMPLEMENTATIONS = ("triton", "library", "reference")

Make = Callable[..., Tensor]
Outs = Sequence[Tensor]


@dataclass(frozen=True, slots=True)
class _Case:
    """`run(implementation, wide)`: what comes out, of inputs in float64 if `wide`. `times`: how
    much larger than 1 its values are, for the bound of the type; `bound`: one that no type
    changes. `formula`: the implementation that is right."""

    kernel: str
    what: str
    run: Callable[[Any, bool], Outs]
    times: float = 1.0
    bound: float | None = None
    formula: str = "reference"


def correctness(tell: Tell, size: Size) -> None:
    """Every kernel, type and implementation that runs here. Ends the part as failed, once all is
    told, where one is wrong."""
    device, wrong = device_of(), set[str]()
    for dtype in _TYPES:
        worst: dict[tuple[str, str], tuple[float, str]] = {}
        missing: dict[tuple[str, str], str] = {}
        for case in _cases(device, dtype, tiny=size.tiny):
            wanted = case.run(case.formula, True)
            allowed = _BOUNDS[dtype] * case.times if case.bound is None else case.bound
            for implementation in _IMPLEMENTATIONS:
                key = case.kernel, implementation
                try:
                    found = case.run(implementation, False)
                except UnavailableError as error:
                    missing[key] = str(error)
                    continue
                except Exception as error:  # noqa: BLE001 - a kernel that fails is a finding
                    found, trouble = (), f"{type(error).__name__}: {error}"
                    worst[key] = (float("inf"), f"{case.what}: {trouble[:200]}")
                    continue
                bad = max(_difference(a, b) for a, b in zip(found, wanted, strict=True))
                bad /= allowed
                if bad >= worst.get(key, (-1.0, ""))[0]:
                    worst[key] = (bad, case.what)
        for (kernel, implementation), (share, what) in sorted(worst.items()):
            if share > 1:
                wrong.add(f"{kernel} ({implementation}, {dtype})")
            tell(
                kernel=kernel,
                implementation=implementation,
                precision=str(dtype).removeprefix("torch."),
                of_the_bound=share,
                ok=share <= 1,
                worst=what,
            )
        for (kernel, implementation), why in sorted(missing.items()):
            tell(
                kernel=kernel,
                implementation=implementation,
                precision=str(dtype).removeprefix("torch."),
                unavailable=why,
            )
    if wrong:
        sys.exit(f"wrong: {', '.join(sorted(wrong))}")


def _difference(found: Tensor, wanted: Tensor) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    if not found.numel():
        return 0.0
    apart = (found.double() - wanted.double()).abs().max().item()
    return apart if apart == apart else float("inf")


def _cases(device: torch.device, dtype: torch.dtype, *, tiny: bool) -> Iterator[_Case]:
    generator = torch.Generator(device).manual_seed(0)

    def make(*shape: int, scale: float = 1.0) -> Tensor:
        x = torch.randn(*shape, generator=generator, device=device, dtype=torch.float32)
        return (x * scale).to(dtype)

    yield from _attention(make, device, tiny=tiny)
    widths = (64,) if tiny else (64, 896, 1024, 3584)
    for n, h in product((1, 5) if tiny else (0, 1, 77, 4096), widths):
        yield from _rows(make, n, h)
    yield from _rest(make, device, tiny=tiny)


def _attention(make: Make, device: torch.device, *, tiny: bool) -> Iterator[_Case]:
    heads = [(4, 2, 16)] if tiny else [(28, 4, 128), (16, 8, 128), (14, 2, 64), (4, 4, 64)]
    lengths = [(17, 1, 0, 33)] if tiny else [(17, 1, 0, 64, 129), (2048, 333), (1,)]
    prefixes = (0, 5) if tiny else (0, 1, 37, 200, 1500)
    for (hq, hk, d), windows, prefix, causal in product(heads, lengths, prefixes, (True, False)):
        n = sum(windows)
        q, k, v = make(n, hq, d), make(n, hk, d), make(n, hk, d)
        before = (make(prefix, hk, d), make(prefix, hk, d)) if prefix else (None, None)
        packed = Packed.of(windows, prefix=prefix, device=device)

        def run(
            implementation: Any,
            wide: bool,
            tensors: Any = (q, k, v, *before),
            packed: Packed = packed,
            causal: bool = causal,
        ) -> Outs:
            q, k, v, pk, pv = (_wide(t, wide) for t in tensors)
            return [
                shared_prefix_attention(
                    q, k, v, packed=packed, prefix_k=pk, prefix_v=pv, causal=causal,
                    implementation=implementation,
                )
            ]  # fmt: skip

        what = f"{hq}/{hk} heads of {d}, windows {windows} behind {prefix}, causal {causal}"
        yield _Case("attention", what, run)


def _rows(make: Make, n: int, h: int) -> Iterator[_Case]:
    x, residual, weight = make(n, h, scale=3), make(n, h), make(h)
    gate_up = make(n, 2 * h)

    def norm(implementation: Any, wide: bool) -> Outs:
        a, b, w = (_wide(t, wide) for t in (x, residual, weight))
        y, total = add_rms_norm(a, b, w, 1e-6, implementation=implementation)
        assert isinstance(y, Tensor)
        return [y, total]

    def activated(implementation: Any, wide: bool) -> Outs:
        y = swiglu(_wide(gate_up, wide), implementation=implementation)
        assert isinstance(y, Tensor)
        return [y]

    def quantised(implementation: Any, wide: bool) -> Outs:
        return [quantise(_wide(x, wide), implementation=implementation).dequantised()]

    def normed_fp8(implementation: Any, wide: bool) -> Outs:
        a, b, w = (_wide(t, wide) for t in (x, residual, weight))
        y, _ = add_rms_norm(a, b, w, 1e-6, fp8=not wide, implementation=implementation)
        return [y.dequantised() if isinstance(y, Quantised) else y]

    yield _Case("add_rms_norm", f"{n} x {h}", norm, times=4.0)
    yield _Case("swiglu", f"{n} x {h}", activated, times=4.0)
    # Of values up to about 15, a step of e4m3 is 1 at most.
    yield _Case("quantise", f"{n} x {h}", quantised, bound=1.1)
    yield _Case("add_rms_norm to fp8", f"{n} x {h}", normed_fp8, bound=1.1)


def _rest(make: Make, device: torch.device, *, tiny: bool) -> Iterator[_Case]:
    n, h, v = (9, 32, 50) if tiny else (515, 1024, 151_936)
    hidden, norm, tags, bias = make(n, h), make(h), make(4, h, scale=h**-0.5), make(4)
    labels, words = make(3, h, scale=h**-0.5), make(v, h, scale=h**-0.5)

    def heads(implementation: Any, wide: bool) -> Outs:
        x, w, t, b, rows = (_wide(a, wide) for a in (hidden, norm, tags, bias, labels))
        said = critic_head(
            x, norm_weight=w, epsilon=1e-6, tag_weight=t, tag_bias=b, label_weight=rows,
            implementation=implementation,
        )  # fmt: skip
        assert said.labels is not None
        return [said.tags, said.labels]

    def vocabulary(implementation: Any, wide: bool) -> Outs:
        x, w = _wide(hidden, wide), _wide(words, wide)
        return [vocabulary_logsumexp(x, w, implementation=implementation)]

    yield _Case("critic_head", f"{n} x {h}", heads)
    yield _Case("vocabulary_logsumexp", f"{n} x {h} x {v}", vocabulary)

    lengths = (3, 0, 6) if tiny else (100, 0, 1, 414)
    packed = Packed.of(lengths, prefix=7, device=device)
    d = 16 if tiny else 128
    q, k = make(n, 4, d), make(n, 2, d)
    cosines, sines = rotations(n + 7, d, device=device)

    def turned(implementation: Any, wide: bool) -> Outs:
        a, b = _wide(q, wide).clone(), _wide(k, wide).clone()
        found = rotary_(a, b, cosines, sines, packed=packed, implementation=implementation)
        return [t for t in found if isinstance(t, Tensor)]

    yield _Case("rotary_", f"windows {lengths}", turned, times=2.0)
    keep = torch.tensor([True, False, True] if tiny else [True, False, False, True], device=device)

    def left(implementation: Any, wide: bool) -> Outs:
        return compact(keep, packed, _wide(hidden, wide), implementation=implementation)[1]

    yield _Case("compact", f"windows {lengths}", left, bound=1e-9, formula="library")

    rows, inner, out = (16, 32, 48) if tiny else (300, 3584, 4608)
    x, weight = make(rows, inner), make(out, inner, scale=inner**-0.5)
    xs, ws = quantise(x, implementation="reference"), quantise(weight, implementation="reference")

    def products(implementation: Any, wide: bool) -> Outs:
        kind = torch.float64 if wide else torch.bfloat16
        return [scaled_matmul(xs, ws.values, ws.scale, dtype=kind, implementation=implementation)]

    if device.type == "cpu" or fp8_available(device):
        yield _Case("scaled_matmul", f"{rows} x {inner} x {out}", products, bound=0.1)


def _wide(x: Any, wide: bool) -> Any:
    return x.double() if wide and x is not None else x
