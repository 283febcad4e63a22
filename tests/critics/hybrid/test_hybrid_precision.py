"""Weights and tokens in fp8."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")
pytest.importorskip("safetensors", reason="needs cprs[torch]")

from cprs_kernels import Packed
from cprs_kernels.fp8 import quantise
from hybrid_folders import VOCABULARY, make_hybrid

from cprs.critics.hybrid import precision
from cprs.critics.hybrid.checkpoint import Checkpoint
from cprs.critics.hybrid.linear import Dense, MakeLinear
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.placement import place
from cprs.critics.hybrid.precision import Fp8Linear, agreement, check_fp8
from cprs.errors import OptionError

torch.set_num_threads(1)


def e4m3(x: Any) -> Any:
    """Numbers as e4m3 with one scale per row has them: three bits behind the first, by hand."""
    scale = np.abs(x).max(1, keepdims=True) / 448
    y = x / scale
    exponent = np.maximum(np.floor(np.log2(np.maximum(np.abs(y), 1e-30))), -6)
    step = 2.0 ** (exponent - 3)
    return np.round(y / step) * step * scale


def test_a_product_is_that_of_rounded_weights_and_tokens() -> None:
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=(32, 48)), rng.normal(size=(9, 48)) * 3
    bias = rng.normal(size=32)
    as_torch = [torch.from_numpy(a.astype(np.float32)) for a in (weight, bias, x)]
    linear = Fp8Linear(*as_torch[:2])
    wanted = e4m3(x.astype(np.float32)) @ e4m3(weight.astype(np.float32)).T + bias
    found = linear(as_torch[2]).numpy()
    assert np.abs(found - wanted).max() < 1e-3
    assert (linear(quantise(as_torch[2])).numpy() == found).all()
    assert linear.weight.dtype == torch.float8_e4m3fn
    assert np.abs(found - (x @ weight.T + bias)).max() > 0.01  # and not the exact product


def tags(folder: Path, linear: MakeLinear) -> Any:
    checkpoint = Checkpoint.open(folder)
    model = HybridModel.load(
        checkpoint, place(checkpoint.config), dtype=torch.float32, linear=linear
    )
    tokens = torch.randint(0, VOCABULARY, (150,), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        packed = Packed.of([100, 50], prefix=20)
        prefix = model.prefix(tokens[:20])
        return model.heads(model.windows(tokens, packed, prefix)).tags


def test_a_model_in_fp8_agrees_with_itself_in_full(tmp_path: Path) -> None:
    folder = make_hybrid(tmp_path, width=64, feed=96, head_width=16)
    found = agreement([tags(folder, Dense)], [tags(folder, Fp8Linear)])
    assert found.tokens == 150
    assert found.tags > 0.8  # random weights: the worst case
    assert found.sides >= found.tags
    assert 0 < found.largest < 0.5


def test_agreement_counts() -> None:
    a = torch.tensor([[0.6, 0.2, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1], [0.1, 0.1, 0.7, 0.1]])
    b = torch.tensor([[0.2, 0.6, 0.1, 0.1], [0.1, 0.2, 0.6, 0.1], [0.1, 0.1, 0.7, 0.1]])
    found = agreement([a[:2], a[2:]], [b])
    assert found.tokens == 3
    assert (found.tags, found.sides) == pytest.approx((1 / 3, 2 / 3))
    assert found.largest == pytest.approx(0.4)
    assert agreement([a[:0]], [b[:0]]).tags == 1
    with pytest.raises(OptionError, match="not of the same windows"):
        agreement([a], [b[:2]])


def test_a_gpu_without_fp8_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_fp8(torch.device("cpu"))
    monkeypatch.setattr(precision, "fp8_available", lambda device: False)
    with pytest.raises(OptionError, match=r"fp8.*use dtype='bfloat16'"):
        check_fp8(torch.device("cuda", 0))
    monkeypatch.setattr(precision, "fp8_available", lambda device: True)
    check_fp8(torch.device("cuda", 0))
