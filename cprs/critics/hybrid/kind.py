"""What a Hugging Face folder holds, told from its configuration alone, without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cprs.errors import OptionError, WeightsError

CONFIG = "config.json"
ARCHITECTURE = "CprsForTokenClassification"
FAMILY = "qwen2"
_NUMBERS = ("num_hidden_layers", "max_position_embeddings", "vocab_size", "hidden_size")


def is_hybrid(folder: Path) -> bool:
    """Whether `folder` is a trained hybrid's, as far as its configuration can be read."""
    named = _glance(folder).get("architectures")
    return isinstance(named, list) and ARCHITECTURE in named


def model_type(folder: Path) -> str:
    """The family of the model in `folder`; "" where its configuration does not say."""
    return str(_glance(folder).get("model_type", ""))


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a Qwen2 in `folder`.

    Raises `WeightsError` where it cannot be read, `OptionError` for another family of models.
    """
    path = folder / CONFIG
    try:
        config: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise WeightsError(f"{path}: not a model's configuration")
    if config.get("model_type") != FAMILY:
        raise OptionError(
            f"{folder} holds a {config.get('model_type')!r}; a hybrid's base is a {FAMILY!r}"
        )
    if config.get("use_sliding_window"):
        raise OptionError(f"{path}: sliding windows in attention are not supported")
    for name in _NUMBERS:
        if not isinstance(config.get(name), int):
            raise WeightsError(f"{path}: {name} is not a number")
    return config


def _glance(folder: Path) -> dict[str, Any]:
    """The configuration in a folder; empty where there is none that can be read."""
    try:
        config: Any = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}
