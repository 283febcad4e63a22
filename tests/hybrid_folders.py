"""Tiny random hybrids as folders in the layout of the published checkpoint, made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

VOCABULARY = 408
WINDOW = 256


def make_hybrid(
    folder: Path,
    *,
    family: str = "qwen2",
    layers: int = 4,
    width: int = 32,
    heads: int = 4,
    key_heads: int = 2,
    head_width: int = 8,
    feed: int = 48,
    tied: bool = False,
    tag_head: bool = True,
    lm_head: bool = True,
    dtype: str = "float32",
    shards: int = 1,
    body: str = "model.",
    seed: int = 0,
    **config: Any,
) -> Path:
    """Every weight random, norms and biases too, so that none can be left out unnoticed. `config`
    is written over the configuration; a value of None takes the entry away."""
    folder.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {
        "architectures": ["Qwen2ForCausalLMandBIO"],
        "model_type": family,
        "vocab_size": VOCABULARY,
        "hidden_size": width,
        "intermediate_size": feed,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "head_dim": head_width,
        "max_position_embeddings": 1024,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e4,
        "hidden_act": "silu",
        "tie_word_embeddings": tied,
        "torch_dtype": dtype,
        "use_sliding_window": False,
        "bidirectional_from": layers // 2,
        "window": WINDOW,
    }
    about = {k: v for k, v in {**about, **config}.items() if v is not None}
    (folder / "config.json").write_text(json.dumps(about), encoding="utf-8")
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int, mean: float = 0.0, scale: float) -> torch.Tensor:
        made = mean + scale * torch.randn(*shape, generator=generator, dtype=torch.float64)
        return made.to(getattr(torch, dtype))

    def matrix(rows: int, columns: int) -> torch.Tensor:
        return normal(rows, columns, scale=columns**-0.5)

    made = {f"{body}embed_tokens.weight": normal(VOCABULARY, width, scale=1.0)}
    for number in range(layers):
        at = f"{body}layers.{number}."
        made[at + "input_layernorm.weight"] = normal(width, mean=1, scale=0.1)
        for name, rows in (("q", heads), ("k", key_heads), ("v", key_heads)):
            made[f"{at}self_attn.{name}_proj.weight"] = matrix(rows * head_width, width)
            if family == "qwen2":
                made[f"{at}self_attn.{name}_proj.bias"] = normal(rows * head_width, scale=0.3)
        if family == "qwen3":
            made[at + "self_attn.q_norm.weight"] = normal(head_width, mean=1, scale=0.1)
            made[at + "self_attn.k_norm.weight"] = normal(head_width, mean=1, scale=0.1)
        made[at + "self_attn.o_proj.weight"] = matrix(width, heads * head_width)
        made[at + "post_attention_layernorm.weight"] = normal(width, mean=1, scale=0.1)
        made[at + "mlp.gate_proj.weight"] = matrix(feed, width)
        made[at + "mlp.up_proj.weight"] = matrix(feed, width)
        made[at + "mlp.down_proj.weight"] = matrix(width, feed)
    made[f"{body}norm.weight"] = normal(width, mean=1, scale=0.1)
    outer = body.removesuffix("model.")
    if lm_head and not tied:
        made[f"{outer}lm_head.weight"] = matrix(VOCABULARY, width)
    if tag_head:
        made[f"{outer}cls_head.weight"] = matrix(4, width)
        made[f"{outer}cls_head.bias"] = normal(4, scale=0.3)
    if config.get("probe_layers"):
        made[f"{outer}probe_head.weight"] = matrix(4, width)
        made[f"{outer}probe_head.bias"] = normal(4, scale=0.3)
    write_shards(folder, made, shards)
    return folder


def write_shards(folder: Path, tensors: dict[str, torch.Tensor], shards: int = 1) -> None:
    """One file, or several with an index, as Hugging Face names them."""
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = list(tensors)
    places = {
        name: f"model-{i % shards + 1:05}-of-{shards:05}.safetensors"
        for i, name in enumerate(names)
    }
    for file in set(places.values()):
        part = {name: tensors[name] for name in names if places[name] == file}
        save_file(part, folder / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
