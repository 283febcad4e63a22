"""The published loop's way: one window per forward, its prompt every time, dense masks, nothing
fused, tags to a Python list.

Written from what the release does (QwenLong-CPRS, arXiv 2505.18092), in float16 as there: products
one by one, RMSNorm and rotary step by step, keys and values repeated for their queries, causal
layers by SDPA's causal path, and the others under a materialised mask of zeros, with which SDPA
cannot take its flash path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cprs.critics.hybrid.linear import Dense
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.packing import Ids


@dataclass(frozen=True, slots=True)
class _Weights:
    """A layer's products, one by one."""

    q: tuple[Tensor, Tensor | None]
    k: tuple[Tensor, Tensor | None]
    v: tuple[Tensor, Tensor | None]
    out: Tensor
    gate: Tensor
    up: Tensor
    down: Tensor


class PublishedLoop:
    """Reads windows as the release does, with a model's weights."""

    def __init__(self, model: HybridModel) -> None:
        self.model = model
        c = model.config
        sizes = [c.heads * c.head_width, c.key_heads * c.head_width, c.key_heads * c.head_width]
        self._layers = []
        for layer in model.layers:
            qkv, out, gate_up, down = layer.qkv, layer.out, layer.gate_up, layer.down
            assert isinstance(qkv, Dense)
            assert isinstance(out, Dense)
            assert isinstance(gate_up, Dense)
            assert isinstance(down, Dense)
            weights = qkv.weight.split(sizes)
            biases = [None] * 3 if qkv.bias is None else qkv.bias.split(sizes)
            gate, up = gate_up.weight.chunk(2)
            q, k, v = zip(weights, biases, strict=True)
            self._layers.append(_Weights(q, k, v, out.weight, gate, up, down.weight))
        turns = torch.from_numpy(c.rope.frequencies(c.head_width)).to(model.device)
        self._frequencies = turns.float()

    def read(self, prompt: Ids, windows: list[Ids]) -> list[list[int]]:
        """The tags of every window."""
        found = []
        with torch.inference_mode():
            for window in windows:
                ids = torch.from_numpy(np.concatenate([prompt, window]).astype(np.int64))
                tags = self.forward(ids[None].to(self.model.device)).argmax(-1)
                found.append(tags.detach().cpu().numpy().tolist()[0][len(prompt) :])
        return found

    def forward(self, ids: Tensor) -> Tensor:
        """Tag logits (1, n, 4)."""
        c, x = self.model.config, functional.embedding(ids, self.model.embed)
        n = ids.shape[1]
        places = torch.arange(n, device=ids.device).float()
        angles = torch.outer(places, self._frequencies)
        angles = torch.cat([angles, angles], -1)
        cosines, sines = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        ones = torch.ones(1, 1, n, n, device=ids.device)
        both = torch.where(ones == 1, 0.0, torch.finfo(x.dtype).min).to(x.dtype)
        for number, (layer, w) in enumerate(zip(self.model.layers, self._layers, strict=True)):
            y = _norm(x, layer.input_norm, c.epsilon)
            q, k, v = (
                functional.linear(y, weight, bias).view(1, n, -1, c.head_width).transpose(1, 2)
                for weight, bias in (w.q, w.k, w.v)
            )
            if layer.head_norms is not None:
                q, k = (
                    _norm(a, b, c.epsilon) for a, b in zip((q, k), layer.head_norms, strict=True)
                )
            q = q * cosines + _half(q) * sines
            k = k * cosines + _half(k) * sines
            k, v = (_repeated(a, c.group).contiguous() for a in (k, v))
            causal = number < c.bidirectional_from
            attended = functional.scaled_dot_product_attention(
                q.contiguous(), k, v, attn_mask=None if causal else both, is_causal=causal
            )
            attended = attended.transpose(1, 2).contiguous().view(1, n, -1)
            x = x + functional.linear(attended, w.out)
            y = _norm(x, layer.feed_norm, c.epsilon)
            gate, up = functional.linear(y, w.gate), functional.linear(y, w.up)
            x = x + functional.linear(functional.silu(gate) * up, w.down)
        x = _norm(x, self.model.norm, c.epsilon)
        return functional.linear(x, self.model.tag_weight, self.model.tag_bias)


def _norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    wide = x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)
    return weight * wide.to(x.dtype)


def _half(x: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat([-second, first], -1)


def _repeated(x: Tensor, times: int) -> Tensor:
    b, heads, n, d = x.shape
    return x[:, :, None].expand(b, heads, times, n, d).reshape(b, heads * times, n, d)
