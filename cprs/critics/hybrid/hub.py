"""Critics by their name on the Hugging Face hub, out of its cache or downloaded into it."""

from __future__ import annotations

import json
from pathlib import Path

import regex

from cprs.critics.hybrid.kind import CONFIG
from cprs.errors import WeightsError

INDEX = "model.safetensors.index.json"
FILES = (CONFIG, "*.safetensors", INDEX, "tokenizer.json", "tokenizer_config.json")
_NAME = regex.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def is_hub_name(name: str) -> bool:
    """Whether `name` looks like owner/model, such as Tongyi-Zhiwen/QwenLong-CPRS-7B."""
    return _NAME.fullmatch(name) is not None


def find_on_hub(name: str) -> Path:
    """The folder of the model called `name`: in the hub's cache on this machine, or downloaded
    there, unless HF_HUB_OFFLINE=1 forbids it.

    Raises `WeightsError`, saying why, where it cannot be had.
    """
    from huggingface_hub import constants, snapshot_download

    try:
        folder = Path(snapshot_download(name, allow_patterns=[*FILES], local_files_only=True))
        if _complete(folder):
            return folder
    except Exception as error:  # noqa: BLE001  # not in the cache, or no name for the hub
        why = _first_line(error)
    else:
        why = "some of its files are missing in the cache"
    if constants.HF_HUB_OFFLINE:
        raise _not_here(name, f"HF_HUB_OFFLINE is set and {why}")
    try:
        return Path(snapshot_download(name, allow_patterns=[*FILES]))
    except Exception as error:  # whatever the hub, the network or the disk raises
        raise _not_here(name, _first_line(error)) from error


def _complete(folder: Path) -> bool:
    """Whether all the weights lie in `folder` that its index names."""
    if not (folder / CONFIG).is_file():
        return False
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return all((folder / file).is_file() for file in set(index["weight_map"].values()))
    except FileNotFoundError:
        return any(folder.glob("*.safetensors"))
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _not_here(name: str, why: str) -> WeightsError:
    return WeightsError(
        f"{name} is no folder here, and cannot be had from the Hugging Face hub: {why};"
        f" download it (hf download {name}) or give the path of a folder"
    )


def _first_line(error: Exception) -> str:
    line = next(iter(str(error).strip().splitlines()), "") or repr(error)
    return line.strip().rstrip(".:")
