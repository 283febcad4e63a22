"""What a Hugging Face folder holds, told from its configuration alone, without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cprs.errors import OptionError, WeightsError

CONFIG = "config.json"
ARCHITECTURE = "CprsForTokenClassification"
FAMILIES = ("qwen2", "qwen3")
"""What a hybrid may be made of."""
_PUBLISHED = ("Qwen2ForCausalLMandBIO", "Qwen2ForCausalLMandBIO_pred")
_NUMBERS = ("num_hidden_layers", "max_position_embeddings", "vocab_size", "hidden_size")


def is_hybrid(folder: Path) -> bool:
    """Whether `folder` is a trained or the published hybrid's, or a model's that could be made
    one, as far as its configuration can be read."""
    config = _glance(folder)
    named = config.get("architectures")
    known = isinstance(named, list) and not {ARCHITECTURE, *_PUBLISHED}.isdisjoint(named)
    return known or config.get("model_type") in FAMILIES


def model_type(folder: Path) -> str:
    """The family of the model in `folder`; "" where its configuration does not say."""
    return str(_glance(folder).get("model_type", ""))


def read_config(folder: Path, *, families: Sequence[str] = FAMILIES) -> dict[str, Any]:
    """The configuration of a Qwen in `folder`.

    Raises `WeightsError` where it cannot be read, `OptionError` for another family of models.
    """
    path = folder / CONFIG
    try:
        config: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise WeightsError(f"{path}: not a model's configuration")
    if config.get("model_type") not in families:
        wanted = " or ".join(map(repr, families))
        raise OptionError(
            f"{folder} holds a {config.get('model_type')!r}; a hybrid's base is a {wanted}"
        )
    if config.get("use_sliding_window"):
        raise OptionError(f"{path}: sliding windows in attention are not supported")
    for name in _NUMBERS:
        if not isinstance(config.get(name), int) or config[name] < 1:
            raise WeightsError(f"{path}: {name} is not a number")
    return config


def _glance(folder: Path) -> dict[str, Any]:
    """The configuration in a folder; empty where there is none that can be read."""
    try:
        config: Any = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}
