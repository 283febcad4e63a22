"""What a hybrid must compute, written down once more in float64, one token and head at a time.

After the published code's semantics alone: prompt and window are one sequence; layers below
`bidirectional_from` are causal, the others see everything; the tag is the largest of four. For
critics whose prompt is frozen, it sees nothing but itself. It shares no module with the package.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Said:
    """Of a window's n tokens: logits of `tags` (n, 4) and, with an LM head, of `words` (n, v)."""

    tags: Array
    words: Array | None

    @property
    def probabilities(self) -> Array:
        return softmax(self.tags)


def read(folder: Path, prompt: list[int], window: list[int]) -> Said:
    """Prompt and window through the model in a folder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = _weights(folder)
    sequence, p = [*prompt, *window], len(prompt)
    x = weights["embed_tokens.weight"][sequence]
    first = config.get("bidirectional_from", 21)
    n = len(sequence)
    for number in range(config["num_hidden_layers"]):
        seen = np.tril(np.ones((n, n), bool)) if number < first else np.ones((n, n), bool)
        if number >= first and config.get("prefix") == "frozen":
            seen[:p, p:] = False
        x = _layer(x, _of(weights, f"layers.{number}."), config, seen)
    x = _norm(x, weights["norm.weight"], config)[p:]
    tied = config.get("tie_word_embeddings")
    words = weights["embed_tokens.weight"] if tied else weights.get("lm_head.weight")
    return Said(
        tags=x @ weights["cls_head.weight"].T + weights["cls_head.bias"],
        words=None if words is None else x @ words.T,
    )


def _layer(x: Array, w: dict[str, Array], config: dict[str, Any], seen: NDArray[np.bool_]) -> Array:
    y = _norm(x, w["input_layernorm.weight"], config)
    q, k, v = (
        y @ w[f"self_attn.{name}_proj.weight"].T + w.get(f"self_attn.{name}_proj.bias", 0.0)
        for name in "qkv"
    )
    heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
    d = config["head_dim"]
    outs = []
    for head in range(heads):
        at = head * key_heads // heads
        queries, keys = q[:, head * d : (head + 1) * d], k[:, at * d : (at + 1) * d]
        if "self_attn.q_norm.weight" in w:
            queries = _norm(queries, w["self_attn.q_norm.weight"], config)
            keys = _norm(keys, w["self_attn.k_norm.weight"], config)
        scores = _turned(queries, config) @ _turned(keys, config).T / math.sqrt(d)
        outs.append(softmax(np.where(seen, scores, -np.inf)) @ v[:, at * d : (at + 1) * d])
    x = x + np.concatenate(outs, axis=1) @ w["self_attn.o_proj.weight"].T
    y = _norm(x, w["post_attention_layernorm.weight"], config)
    gate, up = y @ w["mlp.gate_proj.weight"].T, y @ w["mlp.up_proj.weight"].T
    done: Array = x + (gate / (1 + np.exp(-gate)) * up) @ w["mlp.down_proj.weight"].T
    return done


def _turned(x: Array, config: dict[str, Any]) -> Array:
    """Each pair (i, i + d/2) of dimensions as a complex number, turned by its position."""
    half = x.shape[1] // 2
    speed = config["rope_theta"] ** (-np.arange(half) / half)
    pairs = (x[:, :half] + 1j * x[:, half:]) * np.exp(1j * np.outer(np.arange(len(x)), speed))
    return np.concatenate([pairs.real, pairs.imag], axis=1)


def _norm(x: Array, weight: Array, config: dict[str, Any]) -> Array:
    mean = (x**2).mean(axis=1, keepdims=True)
    done: Array = x / np.sqrt(mean + config["rms_norm_eps"]) * weight
    return done


def softmax(x: Array) -> Array:
    """Over the last axis."""
    share = np.exp(x - x.max(axis=-1, keepdims=True))
    found: Array = share / share.sum(axis=-1, keepdims=True)
    return found


def _weights(folder: Path) -> dict[str, Array]:
    found = {}
    for path in folder.glob("*.safetensors"):
        for name, tensor in load_file(path).items():
            found[name.removeprefix("model.")] = tensor.double().numpy()
    return found


def _of(weights: dict[str, Array], at: str) -> dict[str, Array]:
    return {name.removeprefix(at): w for name, w in weights.items() if name.startswith(at)}
