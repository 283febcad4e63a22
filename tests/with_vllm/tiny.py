"""Tiny random models in Hugging Face folders: hybrids, and a plain causal model that chats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from hybrids import MARKERS, make_base, tokenizer
from tokenizers import Regex, pre_tokenizers

from cprs.labels import TAGS

WINDOW = 512
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)


def make_hybrid(folder: Path, *, prefix: str, tied: bool, layout: str = "trained") -> Path:
    """A hybrid of four layers, two of them looking both ways, with two label words of its own.

    `layout`: of its configuration, as `cprs train critic` writes it or as it was "published"
    (which says nothing of itself, but for the first layer that looks both ways).
    """
    _random(folder, tied=tied, seed=len(prefix))
    config = json.loads((folder / "config.json").read_text())
    own: dict[str, Any] = {"bidirectional_from": 2, "labels": ["fact", "proof"]}
    if layout == "trained":
        named = dict(enumerate(TAGS))
        own |= {"prefix": prefix, "window": WINDOW, "cprs_format": 1, "id2label": named}
        own["architectures"] = ["CprsForTokenClassification"]
        own["probe_layers"] = 1
    else:
        own["architectures"] = ["Qwen2ForCausalLMandBIO"]
        own["window"] = WINDOW  # 8,192 positions would be many for so small a model
    (folder / "config.json").write_text(json.dumps({**config, **own}))
    generator = torch.Generator().manual_seed(3)
    from safetensors.torch import save_file

    # So wide that all four tags occur and rounding decides none of them, or hardly changes any.
    head = {
        "cls_head.weight": 0.3 * torch.randn(len(TAGS), 128, generator=generator),
        "cls_head.bias": 0.3 * torch.randn(len(TAGS), generator=generator),
    }
    if layout == "trained":
        # Which vLLM passes over: it reads everything.
        head |= {name.replace("cls_", "probe_"): value.flip(0) for name, value in head.items()}
    save_file(head, folder / "model-head.safetensors", metadata={"format": "pt"})
    weight_map = dict.fromkeys(_names(folder / "model.safetensors"), "model.safetensors")
    weight_map |= dict.fromkeys(head, "model-head.safetensors")
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def make_chatting(folder: Path, *, tied: bool = True) -> Path:
    """A causal model with a tokenizer and a chat template, which says nothing of sense."""
    _random(folder, tied=tied, seed=1)
    # A token each, as in the vocabularies of models that chat.
    words = tokenizer((*MARKERS, "assistant", "user", "system"))
    # transformers cuts words as Qwen2 does, whatever the file says; whoever counts by it must too.
    words.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=MARKERS[2], pad_token=MARKERS[0]
    )
    made.chat_template = CHAT
    made.save_pretrained(folder)
    return folder


def _random(folder: Path, *, tied: bool, seed: int) -> None:
    """A Qwen2 with heads 32 wide, the least that vLLM computes on a CPU, and its tokenizer."""
    make_base(folder, tied=tied, seed=seed, width=128, feed=192, positions=2048)


def _names(path: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return list(file.keys())
