"""A tokenizer of whole words and a small random Qwen2, made on the spot."""

from __future__ import annotations

from typing import Any

import torch

from cprs.l1.demo.task import PEOPLE, THINGS, WORDS


def make_tokenizer(people: int = 28) -> Any:
    """One token to each word of the toy, of so many people."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    facts = [f"{person}:{thing}" for person in PEOPLE[:people] for thing in THINGS]
    words = ["<pad>", "<end>", "<unk>", *WORDS, *PEOPLE[:people], *THINGS, *facts]
    vocabulary = {word: number for number, word in enumerate(words)}
    inner: Any = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<end>", unk_token="<unk>"
    )


def make_model(
    tokenizer: Any,
    *,
    seed: int,
    width: int = 64,
    layers: int = 2,
    heads: int = 4,
    positions: int = 4096,
    spread: float = 0.06,
) -> Any:
    """A Qwen2 with random weights, the same for a seed."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=positions,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=spread,
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Qwen2ForCausalLM(config)
