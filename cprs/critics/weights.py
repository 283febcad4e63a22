"""The embedded critic's files: a folder with a manifest that vouches for every other file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cprs.errors import WeightsError

FORMAT = 1
"""The version of the folder's layout that this code reads and writes."""
MODEL = "base.onnx"
REASONER = "reasoner.onnx"
TOKENIZER = "tokenizer.json"
MANIFEST = "manifest.json"
SHIPPED = Path(__file__).resolve().parent.parent / "weights"
"""The folder that comes with the package."""

_REPAIR = "reinstall cprs, or write it anew with: cprs export critic"


@dataclass(frozen=True, slots=True)
class Weights:
    """A checked folder. `digest` is the model file's sha256; `window` the content tokens the
    base reads at once; `width` the size of its states; `reasoner` the reasoning layers, if it has
    any, `reasoner_digest` their sha256, `corrects` the digest of the prior they correct, `meanings`
    what their scores mean, as `Meanings` writes it."""

    model: Path
    tokenizer_json: str
    digest: str
    base: str
    quantisation: str
    window: int
    width: int
    reasoner: Path | None = None
    reasoner_digest: str = ""
    corrects: str = ""
    meanings: Mapping[str, Any] = field(default_factory=dict)


def load_weights(folder: Path | None = None) -> Weights:
    """Read and check a weights folder, by default the shipped one.

    Raises `WeightsError`, naming the file and what to do, where one is missing, truncated,
    corrupt, or of a format this version does not read.
    """
    folder = SHIPPED if folder is None else folder
    manifest = _manifest(folder / MANIFEST)
    for name, expected in manifest["files"].items():
        _check(folder / name, size=int(expected["bytes"]), sha256=str(expected["sha256"]))
    about = manifest.get("reasoner") or {}
    return Weights(
        model=folder / MODEL,
        tokenizer_json=(folder / TOKENIZER).read_text(encoding="utf-8"),
        digest=str(manifest["files"][MODEL]["sha256"]),
        base=str(manifest["base"]),
        quantisation=str(manifest["quantisation"]),
        window=int(manifest["window"]),
        width=int(manifest["width"]),
        reasoner=folder / REASONER if REASONER in manifest["files"] else None,
        reasoner_digest=str(manifest["files"].get(REASONER, {}).get("sha256", "")),
        corrects=str(about.get("corrects", "")),
        meanings=about,
    )


def write_manifest(folder: Path, about: dict[str, Any]) -> None:
    """Vouch for the model, the tokenizer and, if there, the layers in `folder`; `about` says what
    they are."""
    files = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": _sha256(folder / name)}
        for name in (MODEL, TOKENIZER, REASONER)
        if name != REASONER or (folder / name).is_file()
    }
    text = json.dumps({"format": FORMAT, **about, "files": files}, indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"no critic weights: {path} is missing; {_REPAIR}") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({error}); {_REPAIR}") from error
    version = manifest.get("format") if isinstance(manifest, dict) else None
    if version != FORMAT:
        raise WeightsError(
            f"{path} has format {version!r}, this cprs reads format {FORMAT}; {_REPAIR}"
        )
    keys = {"files", "base", "quantisation", "window", "width"}
    if missing := sorted(keys - manifest.keys()):
        raise WeightsError(f"{path} lacks {', '.join(missing)}; {_REPAIR}")
    files = manifest["files"] if isinstance(manifest["files"], dict) else {}
    if missing := sorted({MODEL, TOKENIZER} - files.keys()):
        raise WeightsError(f"{path} does not list {', '.join(missing)}; {_REPAIR}")
    for name, expected in files.items():
        if not isinstance(expected, dict) or not {"bytes", "sha256"} <= expected.keys():
            raise WeightsError(f"{path} does not vouch for {name}; {_REPAIR}")
    for name in ("window", "width"):
        if not isinstance(manifest[name], int) or manifest[name] < 1:
            raise WeightsError(f"{path}: {name} is no number of tokens or values; {_REPAIR}")
    if not isinstance(manifest.get("reasoner") or {}, dict):
        raise WeightsError(f"{path}: 'reasoner' does not describe layers; {_REPAIR}")
    return dict(manifest)


def _check(path: Path, *, size: int, sha256: str) -> None:
    try:
        found = path.stat().st_size
    except OSError:
        raise WeightsError(f"no critic weights: {path} is missing; {_REPAIR}") from None
    if found != size:
        state = "truncated" if found < size else "too long"
        raise WeightsError(f"{path} is {state}: {found} bytes instead of {size}; {_REPAIR}")
    if _sha256(path) != sha256:
        raise WeightsError(f"{path} is corrupt: its sha256 does not match; {_REPAIR}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
