"""Where a training run stands, in one file: enough to go on as if it had never stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from cprs.errors import OptionError, TextError

NAME = "checkpoint.pt"


def save_checkpoint(
    folder: Path, step: int, model: torch.nn.Module, optimizer: torch.optim.Optimizer, run: str
) -> None:
    """Write it whole or not at all. `step` is the next one; `run` identifies recipe and data."""
    state = {
        "run": run,
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "cuda_random": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    temporary = folder / f"{NAME}.part"
    torch.save(state, temporary)
    os.replace(temporary, folder / NAME)


def load_checkpoint(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, run: str
) -> int:
    """Put model, optimizer and random numbers where they were; returns the next step, 0 without
    a checkpoint. Raises `OptionError` where it is another run's, `TextError` where it is broken.
    """
    path = folder / NAME
    if not path.exists():
        return 0
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["run"] != run:
            raise OptionError(
                f"{path} is of another recipe, data or base; resume with those, or choose another"
                " output folder"
            )
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if torch.cuda.is_available() and state["cuda_random"]:
            torch.cuda.set_rng_state_all(state["cuda_random"])
        return int(state["step"])
    except OptionError:
        raise
    except Exception as error:  # whatever a broken pickle or zip raises
        raise TextError(f"{path}: cannot be read: {error}; remove it to start over") from error
