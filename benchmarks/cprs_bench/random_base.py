"""Bases of random weights, whose tokenizers are learnt on the spot, and how such learn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from cprs.critics.hybrid.tokens import BEGIN, END
from cprs.train.reason.recipe import Recipe
from cprs.train.sets.data import find_sources, is_english, read_documents

TEXT = 15_000_000
"""Code points that a tokenizer is learnt from, at most."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a model: `vocabulary`, `width`, `feed`, `layers`, `heads` on `key_heads`. Of a step:
    `window` tokens, `questions`. Of the data: `queries` per set, `documents` of each task."""

    vocabulary: int
    width: int
    feed: int
    layers: int
    heads: int
    key_heads: int
    window: int
    questions: int
    queries: int
    documents: int


SIZES = {
    "0.1b": Size(16_384, 768, 2304, 12, 12, 4, 512, 16, 120, 12),
    "0.5b": Size(32_768, 1280, 4096, 20, 20, 4, 512, 16, 120, 12),
    "tiny": Size(600, 32, 64, 4, 4, 2, 128, 2, 4, 0),
}


def recipe_of(size: Size) -> Recipe:
    """How a model without pretrained weights learns: all of it at a high rate."""
    return Recipe(
        queries=size.queries,
        size=60_000,
        made_up=size.documents,
        task_documents=size.documents,
        hard_documents=size.documents,
        hard_windows=3,
        window=size.window,
        questions=size.questions,
        rate=1e-3,
        base_rate=6e-4,
        warmup=0.05,
        decay=0.1,
        save=1_000_000,
        probe=1.0,
        evaluate=0,
    )


def make_base(folder: Path, sets: Path, size: Size, *, seed: int = 0) -> Path:
    """A Qwen2 of random weights in `folder`, its tokenizer a byte-level BPE of the English texts in
    `sets`."""
    folder.mkdir(parents=True)
    documents = chain.from_iterable(map(read_documents, find_sources(sets).values()))
    texts, room = [], TEXT
    for document in documents:
        if room > 0 and is_english(document.language):
            texts.append(document.text[:room])
            room -= len(texts[-1])
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size.vocabulary,
        special_tokens=["<|endoftext|>", BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    made.save(str(folder / "tokenizer.json"))
    config = transformers.Qwen2Config(
        # Tensor cores want multiples of 64.
        vocab_size=-(-made.get_vocab_size() // 64) * 64,
        hidden_size=size.width,
        intermediate_size=size.feed,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_heads,
        max_position_embeddings=max(size.window, 1024),
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = transformers.Qwen2ForCausalLM(config)
    model.save_pretrained(folder)
    return folder
