"""A trained critic as a folder: the base's files, the prior, and the reasoning layers."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from cprs.critics.calibration import Meanings
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.errors import WeightsError
from cprs.train.export.reasoner import ABOUT, WEIGHTS
from cprs.train.reason.reasoner import Reasoner, Shape

FORMAT = 2


def save_reasoner(
    model: Reasoner, out: Path, *, prior: str, meanings: Meanings | None = None
) -> None:
    """Write the reasoning layers in float32. `prior` is the digest of what they correct, `meanings`
    what their scores mean, once that is known."""
    safetensors: Any = importlib.import_module("safetensors.numpy")
    arrays = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    raw = bytes(safetensors.save(arrays))
    (out / WEIGHTS).write_bytes(raw)
    about = {
        "format": FORMAT,
        "sha256": sha256(raw).hexdigest(),
        "prior": prior,
        "shape": asdict(model.shape),
        **(meanings or Meanings()).to_json(),
    }
    (out / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def load_reasoner(folder: Path, *, prior: str) -> tuple[Reasoner, Meanings, str]:
    """The reasoning layers in `folder`, ready to use, what their scores mean, and their digest.
    Raises `WeightsError` where a file is missing or broken, or the layers correct another prior.
    """
    safetensors: Any = importlib.import_module("safetensors.numpy")
    path = folder / WEIGHTS
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        raw = path.read_bytes()
        digest = sha256(raw).hexdigest()
        if about["format"] != FORMAT:
            raise WeightsError(f"{folder / ABOUT} is of another version; train it again")
        if digest != about["sha256"]:
            raise WeightsError(f"{path} is corrupt: its sha256 does not match; train it again")
        if prior != about["prior"]:
            raise WeightsError(f"{path} corrects another prior than {folder / PRIOR.name}")
        model = Reasoner(Shape(**about["shape"]))
        meanings = Meanings.from_json(about, where=str(folder / ABOUT))
        arrays = safetensors.load(raw)
        model.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read ({error}); train it again") from error
    return model.eval(), meanings, digest[:8]
