"""A tiny random Qwen with a tokenizer of its own, made on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

MARKERS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEXT = (
    "system user context outside fact evidence answer proof clue The committee met on Tuesday in "
    "the old library. Rain had fallen all night. Maria Alvarez took the chair. The budget came to "
    "41,300 euros. A further remark about nothing in particular was made by a guest.\n"
)


def tokenizer(markers: tuple[str, ...] = MARKERS) -> Tokenizer:
    """A byte-level BPE that cuts words as GPT-2's does."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(markers),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([TEXT] * 3, trainer)
    return made


def make_base(
    folder: Path,
    *,
    layers: int = 4,
    tied: bool = True,
    seed: int = 0,
    family: str = "Qwen2",
    width: int = 32,
    feed: int = 64,
    positions: int = 1024,
) -> Path:
    """A Qwen of `layers` layers, four heads on two of keys."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = tokenizer()
    tokens.save(str(folder / "tokenizer.json"))
    config = getattr(transformers, f"{family}Config")(
        vocab_size=tokens.get_vocab_size() + 8,
        hidden_size=width,
        intermediate_size=feed,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=width // 4,
        max_position_embeddings=positions,
        tie_word_embeddings=tied,
        initializer_range=0.1,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = getattr(transformers, f"{family}ForCausalLM")(config)
    log = transformers.utils.logging
    log.disable_progress_bar()
    model.save_pretrained(folder)
    log.enable_progress_bar()
    return folder


FACTS = {
    "Who took the chair?": "Maria Alvarez took the chair.",
    "What did it cost?": "The budget came to 41,300 euros.",
    "Where did they meet?": "The committee met in the old library.",
    "How was the weather?": "Rain had fallen all night.",
}


def write_sets(folder: Path, *parts: str) -> None:
    """Question sets in which each answer stands among remarks."""
    remark = "A further remark about nothing in particular was made by a guest. "
    for part in parts:
        (folder / part).mkdir(parents=True)
        rows = []
        for number, (question, fact) in enumerate(FACTS.items()):
            text = remark * (3 * number + 2) + fact + " " + remark * 20
            at = text.index(fact)
            asked = {"q": question, "ev": [[at, at + len(fact)]], "lvl": "sentence"}
            rows.append({"id": str(number), "text": text, "context": "joined", "qas": [asked]})
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / part / "toy.jsonl").write_text(lines, encoding="utf-8")
