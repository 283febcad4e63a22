"""A trained critic as a folder: the base's files, the prior, and the reasoning layers."""

from __future__ import annotations

import importlib
import json
import shutil
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from cprs.critics.calibration import Calibration
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.weights import MANIFEST, MODEL, TOKENIZER, write_manifest
from cprs.errors import WeightsError
from cprs.train.export.reasoner import ABOUT, WEIGHTS
from cprs.train.reason.reasoner import Reasoner, Shape

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the layers' log-odds mean, and the score above which a unit is kept by default (None:
    as the prior has it)."""

    calibration: Calibration
    threshold: float | None


def copy_base(base: Path, prior: Path, out: Path) -> None:
    """Put the files of the weights folder `base` and the prior into `out`."""
    for name in (MODEL, TOKENIZER):
        shutil.copyfile(base / name, out / name)
    # Layers that the folder may have are not taken along: they are what is to be trained.
    about = json.loads((base / MANIFEST).read_text(encoding="utf-8"))
    kept = {k: v for k, v in about.items() if k not in ("format", "files", "reasoner")}
    write_manifest(out, kept)
    shutil.copyfile(prior, out / PRIOR.name)


def save_reasoner(
    model: Reasoner, out: Path, *, prior: str, meaning: Meaning | None = None
) -> None:
    """Write the reasoning layers in float32. `prior` is the digest of what they correct, `meaning`
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
        "calibration": (meaning.calibration if meaning else Calibration()).to_json(),
        "threshold": meaning.threshold if meaning else None,
    }
    (out / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def load_reasoner(folder: Path, *, prior: str) -> tuple[Reasoner, Meaning, str]:
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
        calibration = Calibration.from_json(about["calibration"], where=str(folder / ABOUT))
        meaning = Meaning(calibration, about["threshold"])
        arrays = safetensors.load(raw)
        model.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read ({error}); train it again") from error
    return model.eval(), meaning, digest[:8]
