"""Hybrids with random weights, made on the device: speed depends on their shapes alone."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.layer import Layer
from cprs.critics.hybrid.linear import Dense, MakeLinear
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.probe import Probe
from cprs.critics.hybrid.rope import Rope


def _shape(
    *,
    width: int,
    feed: int,
    heads: int,
    key_heads: int,
    head_width: int = 128,
    layers: int = 28,
    causal: int = 21,
    vocabulary: int = 152_064,
    qwen3: bool = False,
    window: int = 8192,
) -> HybridConfig:
    return HybridConfig(
        family="qwen3" if qwen3 else "qwen2",
        vocabulary=vocabulary,
        width=width,
        feed=feed,
        layers=layers,
        heads=heads,
        key_heads=key_heads,
        head_width=head_width,
        epsilon=1e-6,
        rope=Rope(theta=1e6),
        positions=32_768,
        qkv_bias=not qwen3,
        head_norms=qwen3,
        tied=qwen3,
        bidirectional_from=causal,
        prefix="exact",
        window=window,
        dtype="bfloat16",
        trained=False,
    )


SHAPES = {
    # Qwen2-7B's, which the published checkpoint has, and Qwen3-0.6B's.
    "7b": _shape(width=3584, feed=18_944, heads=28, key_heads=4),
    "0.6b": _shape(width=1024, feed=3072, heads=16, key_heads=8, vocabulary=151_936, qwen3=True),
    # For rehearsals on a CPU.
    "tiny": _shape(
        width=64, feed=96, heads=4, key_heads=2, head_width=16, layers=3, causal=2, vocabulary=512,
        window=256,
    ),
}  # fmt: skip


def random_model(
    config: HybridConfig,
    *,
    device: torch.device,
    dtype: torch.dtype,
    linear: MakeLinear = Dense,
    seed: int = 0,
) -> HybridModel:
    """A hybrid of this shape. The same seed gives the same weights, whatever `linear` makes."""
    generator = torch.Generator(device).manual_seed(seed)

    def matrix(rows: int, columns: int, scale: float = 1.0) -> Tensor:
        made = torch.empty(rows, columns, device=device, dtype=dtype)
        return made.normal_(0, scale * columns**-0.5, generator=generator)

    def ones(count: int) -> Tensor:
        return torch.ones(count, device=device, dtype=dtype)

    c = config
    queries, keys = c.heads * c.head_width, c.key_heads * c.head_width
    layers = tuple(
        Layer(
            config=c,
            device=device,
            input_norm=ones(c.width),
            qkv=linear(
                matrix(queries + 2 * keys, c.width),
                matrix(1, queries + 2 * keys)[0] if c.qkv_bias else None,
            ),
            head_norms=(ones(c.head_width), ones(c.head_width)) if c.head_norms else None,
            out=linear(matrix(c.width, queries), None),
            feed_norm=ones(c.width),
            gate_up=linear(matrix(2 * c.feed, c.width), None),
            down=linear(matrix(c.width, c.feed), None),
        )
        for _ in range(c.layers)
    )
    embed = matrix(c.vocabulary, c.width, scale=c.width**0.5)
    lm_head = embed if c.tied else matrix(c.vocabulary, c.width)
    zeros = torch.zeros(4, device=device, dtype=dtype)
    return HybridModel(
        config,
        embed=embed,
        layers=layers,
        norm=ones(c.width),
        tag_weight=matrix(4, c.width),
        tag_bias=zeros,
        lm_head=lm_head,
        probe=Probe(c.probe_layers, matrix(4, c.width), zeros) if c.probe_layers else None,
    )


def with_probe(config: HybridConfig) -> HybridConfig:
    """The same shape with a probe where recipes have it: behind a sixth of the layers."""
    return replace(config, probe_layers=max(config.layers // 6, 1))


def parameters(config: HybridConfig) -> int:
    """Weights in the layers, which every token is multiplied by."""
    c = config
    attention = c.width * c.head_width * (2 * c.heads + 2 * c.key_heads)
    return c.layers * (attention + 3 * c.width * c.feed)


def operations(config: HybridConfig, windows: list[int], *, prompt: int) -> float:
    """Floating-point operations that windows of these many tokens need under a prompt, where it
    is computed once as far as it can be; a product and a sum are two.

    A token is multiplied by every weight of the layers once, and in each layer by the keys and the
    values that it sees: in causal ones the prompt and half of its window on average, in others the
    prompt and all of its window.
    """
    c = config
    both = c.layers - c.bidirectional_from
    tokens, linear = sum(windows), 2.0 * parameters(c)
    seen = sum(
        c.bidirectional_from * n * (prompt + n / 2) + both * (n + prompt) ** 2 for n in windows
    )
    # In the layers that look both ways each window has its own copy of the prompt.
    copies = len(windows) * prompt * both / c.layers
    return linear * (tokens + prompt + copies) + 4.0 * c.heads * c.head_width * seen


def operations_of_two(
    config: HybridConfig, windows: list[int], chosen: list[int], *, prompt: int
) -> float:
    """The same where all windows are read as far as a probe, and the `chosen` of them further."""
    first = replace(config, layers=config.probe_layers, bidirectional_from=config.probe_layers)
    begun, gone_on = (operations(first, lengths, prompt=prompt) for lengths in (windows, chosen))
    return begun + operations(config, chosen, prompt=prompt) - gone_on
