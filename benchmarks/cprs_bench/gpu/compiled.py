"""What a good engineer gets from libraries alone: equal windows in batches, no masks, tag rows
alone, layers under torch.compile, and the fastest attention that is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cprs.critics.hybrid.layer import Layer
from cprs.critics.hybrid.linear import Dense
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.packing import Ids, on_device, on_host
from cprs_bench.gpu.measure import measure

Attend = Callable[..., Tensor]


class CompiledBatches:
    """Reads windows with their prompts in front, all of one length, `batch` at a time."""

    def __init__(self, model: HybridModel, *, batch: int, compile: bool = True) -> None:
        self.model = model
        self.batch = batch
        self.attention, attend = best_attention(model)

        def layer(*given: Any) -> Tensor:
            return _layer(attend, *given)

        self._layer = torch.compile(layer, dynamic=False) if compile else layer
        c = model.config
        places = torch.arange(c.window, device=model.device).float()
        turns = torch.from_numpy(c.rope.frequencies(c.head_width)).to(model.device).float()
        angles = torch.outer(places, turns)
        self._turns = angles.cos(), angles.sin()

    def read(self, prompt: Ids, windows: list[Ids]) -> list[np.ndarray[Any, Any]]:
        """The tags of every window; those that are shorter than the first are padded behind."""
        longest = max(map(len, windows))
        found: list[tuple[Tensor, int]] = []
        with torch.inference_mode():
            for start in range(0, len(windows), self.batch):
                part = windows[start : start + self.batch]
                rows = np.zeros((self.batch, len(prompt) + longest), np.int64)
                rows[:, : len(prompt)] = prompt
                for row, window in zip(rows, part, strict=False):
                    row[len(prompt) : len(prompt) + len(window)] = window
                ids = on_device(torch.from_numpy(rows), self.model.device)
                tags = on_host(self.forward(ids)[:, len(prompt) :].to(torch.uint8))
                found += [(tags[i], len(window)) for i, window in enumerate(part)]
            if self.model.device.type == "cuda":
                torch.cuda.synchronize(self.model.device)
        return [tags[:n].numpy() for tags, n in found]

    def forward(self, ids: Tensor) -> Tensor:
        """Tags (b, n)."""
        c, x = self.model.config, functional.embedding(ids, self.model.embed)
        cosines, sines = (turn[: ids.shape[1]] for turn in self._turns)
        for number, layer in enumerate(self.model.layers):
            causal = number < c.bidirectional_from
            x = self._layer(x, *_weights(layer), cosines, sines, causal)
        x = functional.rms_norm(x, x.shape[-1:], self.model.norm, c.epsilon)
        return functional.linear(x, self.model.tag_weight, self.model.tag_bias).argmax(-1)


def best_attention(model: HybridModel) -> tuple[str, Attend]:
    """The fastest of the library attentions that run here on a window of the model's."""
    c, device = model.config, model.device
    named: dict[str, Attend] = {}
    if device.type == "cuda":
        flash3 = _flash_3()
        if flash3 is not None:
            named["flash-attn 3"] = flash3
        for backend in ("cudnn", "flash"):
            named[f"SDPA {backend}"] = partial(_sdpa, backend)
    named["SDPA"] = partial(_sdpa, None)
    if len(named) == 1:
        return next(iter(named.items()))
    make = partial(torch.randn, device=device, dtype=model.dtype)
    q = make(1, c.window, c.heads, c.head_width)
    k = make(1, c.window, c.key_heads, c.head_width)
    seconds = {}
    for name, attend in named.items():
        try:
            run = partial(attend, q, k, k, True)
            seconds[name] = measure(run, device, times=5, warm=2).seconds
        except RuntimeError:  # not for this GPU, or these shapes
            continue
    best = min(seconds, key=lambda name: seconds[name])
    return best, named[best]


def _sdpa(backend: str | None, q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q, k, v = (a.transpose(1, 2) for a in (q, k, v))
    gqa = q.shape[1] != k.shape[1]
    if backend is None:
        out = functional.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=gqa)
        return out.transpose(1, 2)
    kinds = {"cudnn": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION}
    with sdpa_kernel(kinds[backend]):
        out = functional.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=gqa)
    return out.transpose(1, 2)


def _flash_3() -> Attend | None:
    try:
        flash_attn_func = import_module("flash_attn_interface").flash_attn_func
    except ImportError:
        return None

    def attend(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
        out = flash_attn_func(q, k, v, causal=causal)
        found: Tensor = out[0] if isinstance(out, tuple) else out
        return found

    return attend


def _weights(layer: Layer) -> tuple[Any, ...]:
    linears = (layer.qkv, layer.out, layer.gate_up, layer.down)
    dense = [linear for linear in linears if isinstance(linear, Dense)]
    assert len(dense) == len(linears)
    qkv, out, gate_up, down = dense
    return (
        (layer.input_norm, layer.feed_norm, layer.head_norms),
        (qkv.weight, qkv.bias, out.weight, gate_up.weight, down.weight),
        (layer.config.heads, layer.config.key_heads, layer.config.head_width, layer.config.epsilon),
    )


def _layer(
    attend: Attend,
    x: Tensor,
    norms: tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None],
    products: tuple[Tensor, Tensor | None, Tensor, Tensor, Tensor],
    shape: tuple[int, int, int, float],
    cosines: Tensor,
    sines: Tensor,
    causal: bool,
) -> Tensor:
    heads, key_heads, d, epsilon = shape
    first, second, head_norms = norms
    qkv, bias, out, gate_up, down = products
    y = functional.rms_norm(x, x.shape[-1:], first, epsilon)
    both = functional.linear(y, qkv, bias).unflatten(-1, (-1, d))
    q, k, v = both.split([heads, key_heads, key_heads], dim=2)
    if head_norms is not None:
        q = functional.rms_norm(q, q.shape[-1:], head_norms[0], epsilon)
        k = functional.rms_norm(k, k.shape[-1:], head_norms[1], epsilon)
    q, k = (_turned(a, cosines, sines) for a in (q, k))
    x = x + functional.linear(attend(q, k, v, causal).flatten(2), out)
    y = functional.rms_norm(x, x.shape[-1:], second, epsilon)
    gate, up = functional.linear(y, gate_up).chunk(2, -1)
    return x + functional.linear(functional.silu(gate) * up, down)


def _turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    first, second = x.float().chunk(2, -1)
    c, s = cosines[:, None], sines[:, None]
    return torch.cat([first * c - second * s, second * c + first * s], -1).to(x.dtype)
