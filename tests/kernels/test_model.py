"""The whole hybrid on the kernels: they take what the layers hand them, views and all."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from typing import Any

import cprs_kernels
import pytest
import torch

pytest.importorskip("safetensors", reason="needs cprs[torch]")

from cprs_bench.gpu.shapes import SHAPES, random_model
from cprs_kernels import Packed

from cprs.critics.hybrid.graphs import NO_PREFIX
from cprs.critics.hybrid.linear import Dense, MakeLinear
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.precision import Fp8Linear

SHAPE = replace(
    SHAPES["tiny"],
    width=32,
    heads=2,
    key_heads=1,
    head_width=32,
    feed=64,
    layers=2,
    bidirectional_from=1,
)


def on_triton(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From here on everything runs on Triton that can; returns what did."""
    ran: list[str] = []
    for module in pkgutil.iter_modules(cprs_kernels.__path__):
        if module.name.endswith("_triton") or module.name == "dispatch":
            continue
        found: Any = importlib.import_module(f"cprs_kernels.{module.name}")
        if not hasattr(found, "choose"):
            continue

        def choose(asked: Any, obstacles: Any, *, device: Any, name: str = module.name) -> Any:
            kind = "triton" if obstacles.get("triton", "none") is None else "reference"
            ran.append(f"{name} {kind}")
            return asked or kind

        monkeypatch.setattr(found, "choose", choose)
    return ran


def read(model: HybridModel, *, inline: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Tags and labels of three windows under one prompt, shared or carried by each."""
    generator = torch.Generator().manual_seed(1)
    device = model.device
    tokens = torch.randint(0, 512, (5 + 23,), generator=generator).to(device)
    prompt, windows = tokens[:5], tokens[5:].split([17, 1, 5])
    with torch.inference_mode():
        if inline:
            parts = [torch.cat([prompt, window]) for window in windows]
            packed = Packed.of([len(part) for part in parts], device=device)
            hidden = model.windows(torch.cat(parts), packed, NO_PREFIX)
        else:
            packed = Packed.of([17, 1, 5], prefix=5, device=device)
            hidden = model.windows(tokens[5:], packed, model.prefix(prompt))
        said = model.heads(hidden, torch.tensor([3, 4, 5]))
    assert said.labels is not None
    return said.tags, said.labels


@pytest.mark.parametrize(
    ("config", "linear", "inline"),
    [
        (SHAPE, Dense, False),
        (SHAPE, Dense, True),
        (replace(SHAPE, prefix="frozen"), Dense, False),
        (replace(SHAPE, qkv_bias=False, head_norms=True, tied=True), Dense, False),
        (SHAPE, Fp8Linear, False),
    ],
    ids=["shared prompt", "carried prompt", "frozen", "qwen3", "fp8"],
)
def test_a_model_on_triton_says_what_it_says_on_torch(
    device: torch.device,
    monkeypatch: pytest.MonkeyPatch,
    config: Any,
    linear: MakeLinear,
    inline: bool,
) -> None:
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    model = random_model(config, device=device, dtype=dtype, linear=linear)
    wanted = read(model, inline=inline)
    ran = on_triton(monkeypatch)
    found = read(model, inline=inline)
    bound = 1e-4 if dtype == torch.float32 and linear is Dense else 3e-2
    for a, b in zip(found, wanted, strict=True):
        assert (a - b).abs().max() < bound
    kernels = {"attention", "norms", "swiglu", "rotary", "head"}
    if linear is Fp8Linear:
        kernels.add("fp8")
    assert {f"{name} triton" for name in kernels} <= set(ran)
