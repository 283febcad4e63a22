"""What both sides of a vLLM must know of a hybrid: read from its folder, without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.kind import CONFIG
from cprs.critics.hybrid.prompt import label_rows
from cprs.critics.hybrid.tokens import Tokens, load_tokens
from cprs.errors import WeightsError
from cprs.guidance import Guidance

LABELS = "labels"
"""The entry of `config.json` with the labels that a server has rows for."""


@dataclass(frozen=True, slots=True)
class Served:
    """A hybrid as it is served: its shape, its tokenizer, and the labels (L,) of `config.json`
    that every request is answered for, with the LM head's rows (1 + L,) of "outside" and them."""

    folder: Path
    config: HybridConfig
    tokens: Tokens
    labels: tuple[str, ...]
    rows: tuple[int, ...]

    @classmethod
    def read(cls, name: str | Path) -> Served:
        """The hybrid in a folder, or of that name in the Hugging Face cache of this machine.

        Raises `WeightsError` where it is not here or broken, `OptionError` for another model.
        """
        folder = local_folder(name)
        config = HybridConfig.read(folder)
        tokens = load_tokens(folder)
        labels = _labels(folder / CONFIG)
        rows = tuple(label_rows(tokens, Guidance(labels=labels)).tolist())
        return cls(folder, config, tokens, labels, rows)


def local_folder(name: str | Path) -> Path:
    """Where the model called `name` lies on this machine. Raises `WeightsError` if nowhere."""
    if Path(name).is_dir():
        return Path(name)
    try:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(str(name), CONFIG)
    except (ImportError, ValueError):  # no such library, or not a name it could know
        found = None
    if not isinstance(found, str):
        raise WeightsError(f"{name} is neither a folder nor a model in the Hugging Face cache here")
    return Path(found).parent


def _labels(path: Path) -> tuple[str, ...]:
    named: Any = json.loads(path.read_text(encoding="utf-8")).get(LABELS, [])
    if not isinstance(named, list) or not all(isinstance(label, str) for label in named):
        raise WeightsError(f"{path}: {LABELS} is not a list of words")
    return tuple(dict.fromkeys(named))
