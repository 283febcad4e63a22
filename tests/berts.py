"""A random BERT of two narrow layers, with a tokenizer that spells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

Floats = NDArray[np.float32]
WIDTH, INNER, HEADS, LAYERS, PLACES = 32, 64, 4, 2, 66


def vocabulary() -> list[str]:
    letters = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    words = ["return", "import", "self", "the", "def", "class", "if", "of", "to", "and", "in"]
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{c}" for c in letters), *words]


CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "layer_norm_eps": 1e-12,
    "intermediate_size": INNER,
    "max_position_embeddings": PLACES,
    "type_vocab_size": 2,
    "vocab_size": len(vocabulary()),
}


def checkpoint() -> dict[str, Floats]:
    """A random BertModel, with a few input channels that reach far, as trained ones have."""
    random = np.random.default_rng(7)

    def some(*shape: int, spread: float = 0.15) -> Floats:
        return (random.standard_normal(shape) * spread).astype(np.float32)

    def norm(name: str) -> dict[str, Floats]:
        scale = 1 + some(WIDTH)
        scale[3] = 4
        return {f"{name}.LayerNorm.weight": scale, f"{name}.LayerNorm.bias": some(WIDTH)}

    def linear(name: str, out: int, into: int) -> dict[str, Floats]:
        return {f"{name}.weight": some(out, into), f"{name}.bias": some(out)}

    tensors = {
        "embeddings.word_embeddings.weight": some(len(vocabulary()), WIDTH, spread=1),
        "embeddings.position_embeddings.weight": some(PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": some(2, WIDTH),
        **norm("embeddings"),
    }
    for i in range(LAYERS):
        at = f"encoder.layer.{i}"
        for part in ("query", "key", "value"):
            tensors |= linear(f"{at}.attention.self.{part}", WIDTH, WIDTH)
        tensors |= linear(f"{at}.attention.output.dense", WIDTH, WIDTH)
        tensors |= norm(f"{at}.attention.output")
        tensors |= linear(f"{at}.intermediate.dense", INNER, WIDTH)
        tensors |= linear(f"{at}.output.dense", WIDTH, INNER)
        tensors |= norm(f"{at}.output")
    return tensors


def make_bert(folder: Path) -> None:
    """Write it in Hugging Face's layout."""
    from safetensors.numpy import save_file

    (folder / "config.json").write_text(json.dumps(CONFIG))
    named = {f"bert.{name}": tensor for name, tensor in checkpoint().items()}
    save_file(named, folder / "model.safetensors")
    ids = {token: i for i, token in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(folder / "tokenizer.json"))
