"""Where a training run stands, in one file: enough to go on as if it had never stopped, in as many
processes as one likes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from cprs.errors import OptionError, TextError
from cprs.train.reason.ranks import ALONE, Ranks

NAME = "checkpoint.pt"


def save_checkpoint(
    folder: Path,
    step: int,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    run: str,
    *,
    frozen: bool = True,
    ranks: Ranks = ALONE,
) -> None:
    """Write it whole or not at all. `step` is the next one; `run` identifies recipe and data;
    `frozen`: parameters that do not learn, too. All ranks must call it; the first writes."""
    weights = model.state_dict()
    if not frozen:
        learnt = {name for name, value in model.named_parameters() if value.requires_grad}
        weights = {name: value for name, value in weights.items() if name in learnt}
    state = {
        "run": run,
        "step": step,
        "model": ranks.whole(weights),
        "optimizer": ranks.whole(optimizer.state_dict()),
        "random": torch.get_rng_state(),
        "cuda_random": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    if ranks.first:
        temporary = folder / f"{NAME}.part"
        torch.save(state, temporary)
        os.replace(temporary, folder / NAME)


def load_checkpoint(
    folder: Path,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    run: str,
    *,
    ranks: Ranks = ALONE,
) -> int:
    """Put model, optimizer and random numbers where they were; returns the next step, 0 without
    a checkpoint. Raises `OptionError` where it is another run's, `TextError` where it is broken.
    """
    path = folder / NAME
    if not path.exists():
        return 0
    try:
        state = _read(path, mapped=ranks.size > 1)
        if state["run"] != run:
            raise OptionError(
                f"{path} is of another recipe, data or base; resume with those, or choose another"
                " output folder"
            )
        _put(model, state["model"], ranks)
        optimizer.load_state_dict(_parted(state["optimizer"], optimizer, ranks))
        torch.set_rng_state(state["random"])
        random = state["cuda_random"]
        if torch.cuda.is_available() and len(random) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(random)
        return int(state["step"])
    except OptionError:
        raise
    except Exception as error:  # whatever a broken pickle or zip raises
        raise _broken(path, error) from error


def restore(folder: Path, model: torch.nn.Module) -> None:
    """Put into `model` the weights of the checkpoint in `folder`. Raises `TextError` where they
    are missing, broken or do not fit."""
    path = folder / NAME
    try:
        _put(model, _read(path, mapped=True)["model"], ALONE)
    except Exception as error:  # whatever a broken pickle or zip raises
        raise _broken(path, error) from error


def _read(path: Path, *, mapped: bool) -> dict[str, Any]:
    """`mapped`: read as it is needed, which several processes share."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    return state


def _put(model: torch.nn.Module, weights: dict[str, torch.Tensor], ranks: Ranks) -> None:
    there = model.state_dict()
    learnt = {name for name, value in model.named_parameters() if value.requires_grad}
    wrong = (learnt - set(weights)) | (set(weights) - set(there))
    if wrong:
        raise ValueError(f"its weights are others: {', '.join(sorted(wrong)[:3])}")
    parts = {name: ranks.part(value, there[name]) for name, value in weights.items()}
    model.load_state_dict(parts, strict=False)


def _parted(
    state: dict[str, Any], optimizer: torch.optim.Optimizer, ranks: Ranks
) -> dict[str, Any]:
    """An optimizer's state, moments in the parts that its parameters are in."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments = {
        number: {
            # A count of steps is no tensor of the parameter's shape.
            name: ranks.part(value, parameters[number]) if value.ndim else value
            for name, value in of.items()
        }
        for number, of in state["state"].items()
    }
    return {**state, "state": moments}


def _broken(path: Path, error: Exception) -> TextError:
    what = next(iter(str(error).strip().splitlines()), repr(error))
    return TextError(f"{path}: cannot be read: {what}; remove it to start over")
