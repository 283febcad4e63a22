"""Export of trained reasoning layers: a folder of `cprs train critic` becomes one that is used."""

from __future__ import annotations

import importlib
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cprs.critics.layers import ODDS_SCALE, ExportedLayers, Given, interpret, owner_of
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.prior import Prior
from cprs.critics.weights import MANIFEST, MODEL, REASONER, TOKENIZER, write_manifest
from cprs.errors import WeightsError
from cprs.train.export.graph import Floats
from cprs.train.export.quantise import observe, quantise
from cprs.train.export.reasoner_graph import from_reasoner, to_onnx
from cprs.train.extras import require
from cprs.train.reason.dataset import Dataset
from cprs.train.reason.store import INDEX

ABOUT, WEIGHTS = "reasoner.json", "reasoner.safetensors"
"""Of a trained folder: what the layers are, and their float32 weights."""
CALIBRATION, HELD_OUT = 192, 96
"""Windows that int8 is calibrated on, and that it is compared on."""
CLOSE_ENOUGH = 0.98


@dataclass(frozen=True, slots=True)
class ExportedReasoner:
    """What was written: the folder, bytes of the layers' file, and how int8 compares with float32
    on windows not used to calibrate: the share of `tokens` whose tag is the same, and the mean
    absolute difference of passages' log-odds."""

    folder: Path
    bytes: int
    agreement: float
    difference: float
    tokens: int


def export_reasoner(trained: Path, out: Path, *, seed: int = 0) -> ExportedReasoner:
    """Write base, prior and int8 layers of the folder `trained` into `out`.

    Calibrates on the training windows in `trained`/data. Raises `WeightsError` where they or the
    weights are missing, or where int8 strays too far.
    """
    require("onnx", "onnxruntime", "safetensors", what="exporting reasoning layers")
    about = json.loads((trained / ABOUT).read_text(encoding="utf-8"))
    safetensors: Any = importlib.import_module("safetensors.numpy")
    arrays = safetensors.load_file(trained / WEIGHTS)
    shape = about["shape"]
    layers = from_reasoner(arrays, layers=int(shape["layers"]), heads=int(shape["heads"]))
    windows = _windows(trained / "data", CALIBRATION + HELD_OUT, random.Random(seed))
    used, held_out = windows[:CALIBRATION], windows[CALIBRATION:]

    out.mkdir(parents=True, exist_ok=True)
    for name in (MODEL, TOKENIZER, MANIFEST, PRIOR.name):
        if (trained / name).resolve() != (out / name).resolve():
            shutil.copyfile(trained / name, out / name)
    seen = observe(_Taps(to_onnx(layers, taps=True)).inputs(used))
    files = {
        "float32": to_onnx(layers),
        "int8": to_onnx(layers, quantise(layers.linears, seen, layers=layers.layers)),
    }
    running = {}
    for kind, model in files.items():
        path = out / f"{REASONER}.{kind}"
        path.write_bytes(model.SerializeToString())
        running[kind] = ExportedLayers.load(path, digest=kind, runtime="onnxruntime", threads=1)
    agreement, difference, tokens = _compare(running["float32"], running["int8"], held_out)
    (out / f"{REASONER}.float32").unlink()
    if agreement < CLOSE_ENOUGH:
        (out / f"{REASONER}.int8").unlink()
        raise WeightsError(
            f"int8 layers stray too far: {agreement:.3f} of the tags agree, needed {CLOSE_ENOUGH}"
        )
    (out / f"{REASONER}.int8").replace(out / REASONER)
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    kept = {k: v for k, v in manifest.items() if k not in ("format", "files")}
    write_manifest(
        out,
        {
            **kept,
            "reasoner": {
                "shape": shape,
                "corrects": Prior.load(out / PRIOR.name).digest,
                **{name: about.get(name) for name in ("calibration", "threshold", "instruction")},
                "tag_agreement": round(agreement, 5),
            },
        },
    )
    size = (out / REASONER).stat().st_size
    return ExportedReasoner(out, size, agreement, difference, tokens)


def _windows(folder: Path, count: int, rng: random.Random) -> list[Given]:
    """Training windows of all shards in turn."""
    shards = [Dataset(path.parent) for path in sorted(folder.glob(f"*/{INDEX}"))]
    shards = [shard for shard in shards if len(shard)]
    if not shards:
        raise WeightsError(f"{folder}: no training windows to calibrate with; train it again")
    found = [shards[i % len(shards)] for i in range(count)]
    return [shard[rng.randrange(len(shard))].given for shard in found]


class _Taps:
    """The layers in float32, every linear's input an output too."""

    def __init__(self, model: Any) -> None:
        runtime = importlib.import_module("onnxruntime")
        self._session = runtime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        self._names = [output.name for output in self._session.get_outputs()]

    def inputs(self, windows: Sequence[Given]) -> Iterator[dict[str, Floats]]:
        for given in windows:
            known = np.concatenate([given.passages, given.odds[:, None] / ODDS_SCALE], axis=1)
            labels = given.labels if len(given.labels) else np.zeros_like(given.states[:1])
            feed = {
                "prompt": given.prompt,
                "prompt_tokens": given.prompt_tokens,
                "window": given.states,
                "window_tokens": given.tokens,
                "passages": known[owner_of(given.units)].astype(np.float32),
                "labels": labels,
            }
            values = self._session.run(None, {name: value[None] for name, value in feed.items()})
            yield {n: v[0] for n, v in zip(self._names, values, strict=True) if n != "said"}


def _compare(
    exact: ExportedLayers, int8: ExportedLayers, windows: Sequence[Given]
) -> tuple[float, float, int]:
    same, differences = [], []
    for given in windows:
        one, other = (interpret(given, run(given)) for run in (exact, int8))
        same.append(one.tags.argmax(axis=1) == other.tags.argmax(axis=1))
        differences.append(np.abs(one.correction - other.correction))
    tags = np.concatenate(same)
    return float(tags.mean()), float(np.concatenate(differences).mean()), len(tags)
