"""What a run is trained above: the base that was named, and its copy in the run's folder."""

from __future__ import annotations

import filecmp
import json
import shutil
from pathlib import Path

from cprs.critics.hybrid.kind import model_type, read_config
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.weights import MANIFEST, MODEL, SHIPPED, TOKENIZER, load_weights, write_manifest
from cprs.errors import OptionError, unknown
from cprs.train.export.critic import CONFIG, PACKAGE, TENSORS, base_folder, export_critic

NAMES = ("minilm",)
START = "start"
"""Where a run keeps the base it was started with, if that learns."""
_CHANGED = "-along"


def find_base(base: str | Path) -> Path:
    """The folder of a base: one of `NAMES`, `PACKAGE`, a weights folder, a BERT's or a Qwen's.

    Raises `OptionError` for anything else.
    """
    if str(base) in NAMES:
        return SHIPPED
    if str(base) == PACKAGE:
        return base_folder(PACKAGE)
    folder = Path(base)
    if (folder / MANIFEST).is_file() or model_type(folder) == "bert":
        return folder
    if (folder / CONFIG).is_file():
        read_config(folder)
        return folder
    known = [*NAMES, PACKAGE, "a folder made by `cprs export critic`", "a BERT's", "a Qwen's"]
    raise unknown("base", str(base), known)


def bring_frozen(folder: Path, out: Path) -> None:
    """Copy an exported base and its prior, once: a run keeps those it was started with."""
    if not (folder / MANIFEST).is_file():
        raise OptionError(
            f"{folder}: not exported yet; run: cprs export critic --base {folder} --out DIR"
        )
    if not (out / PRIOR.name).is_file():
        copy_base(folder, _prior(folder), out)
    elif load_weights(out).digest != load_weights(folder).digest:
        raise _another(folder, out)


def bring_along(folder: Path, out: Path) -> None:
    """The same for a base that is to learn: its torch weights too, exported if they are not yet."""
    if not (folder / TENSORS).is_file():
        raise OptionError(
            f"base_rate: {folder} has its base in int8 alone; give --base a BERT's folder"
            f" ({CONFIG}, {TENSORS}, {TOKENIZER}), such as {PACKAGE}"
        )
    if (out / TENSORS).is_file():
        if not filecmp.cmp(folder / TENSORS, out / TENSORS, shallow=False):
            raise _another(folder, out)
        return
    if (folder / MANIFEST).is_file():
        out.mkdir(exist_ok=True)
        copy_base(folder, _prior(folder), out)
    else:
        export_critic(folder, out)
        shutil.copyfile(_prior(folder), out / PRIOR.name)
    for name in (CONFIG, TENSORS):
        shutil.copyfile(folder / name, out / name)


def export_changed(start: Path, out: Path) -> None:
    """Write the changed base in `out`, which has its torch weights, as one that is used, beside the
    prior of `start`."""
    about = json.loads((start / MANIFEST).read_text(encoding="utf-8"))
    said = {name: str(about[name]) for name in ("source", "licence") if name in about}
    name = str(about["base"]).removesuffix(_CHANGED) + _CHANGED
    export_critic(out, out, name=name, about=said)
    shutil.copyfile(start / PRIOR.name, out / PRIOR.name)


def copy_base(base: Path, prior: Path, out: Path) -> None:
    """Put the files of the weights folder `base` and the prior into `out`."""
    for name in (MODEL, TOKENIZER):
        shutil.copyfile(base / name, out / name)
    # Layers that the folder may have are not taken along: they are what is to be trained.
    about = json.loads((base / MANIFEST).read_text(encoding="utf-8"))
    kept = {k: v for k, v in about.items() if k not in ("format", "files", "reasoner")}
    write_manifest(out, kept)
    shutil.copyfile(prior, out / PRIOR.name)


def _prior(folder: Path) -> Path:
    own = folder / PRIOR.name
    return own if own.is_file() else PRIOR


def _another(folder: Path, out: Path) -> OptionError:
    return OptionError(f"{folder} is another base than the run in {out} was started with")
