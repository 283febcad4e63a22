"""Where a run stands, in one file: enough to go on as if it had never stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from cprs.errors import OptionError, TextError

NAME = "checkpoint.pt"
VERSION = 1


def save_checkpoint(folder: Path, run: str, state: dict[str, Any]) -> None:
    """Write it whole or not at all. `run` identifies recipe and data."""
    temporary = folder / f"{NAME}.part"
    torch.save({"version": VERSION, "run": run, **state}, temporary)
    os.replace(temporary, folder / NAME)


def load_checkpoint(folder: Path, run: str) -> dict[str, Any] | None:
    """What `save_checkpoint` was given, on the CPU; None without a checkpoint. Raises
    `OptionError` where it is another run's, `TextError` where it cannot be read."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        found = (state.pop("version"), state.pop("run"))
    except Exception as error:  # whatever a broken pickle or zip raises
        raise TextError(
            f"{path}: cannot be read as a checkpoint; remove it to start over"
        ) from error
    if found != (VERSION, run):
        raise OptionError(
            f"{path} is of another recipe or other data; resume with those, or choose another"
            " output folder"
        )
    return state


def check_fit(path: Path, model: torch.nn.Module, weights: dict[str, Any]) -> None:
    """Raise `OptionError`, naming one, where weights are not those of a model, sharded or whole."""
    own = model.state_dict()
    for name in sorted(own.keys() ^ weights.keys()):
        where = "the checkpoint" if name in weights else "the model"
        raise OptionError(f"{path}: {name} is only in {where}: the checkpoint is of another model")
    for name, tensor in own.items():
        if tensor.shape != weights[name].shape:
            raise OptionError(
                f"{path}: {name} is {tuple(weights[name].shape)} there and {tuple(tensor.shape)}"
                " in the model: the checkpoint is of another model"
            )
