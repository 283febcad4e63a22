from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from berts import CONFIG, HEADS, LAYERS, PLACES, WIDTH, Floats, checkpoint, make_bert, vocabulary
from numpy.typing import NDArray

from cprs.critics.embedded_base import Base
from cprs.critics.runtimes import available
from cprs.critics.weights import load_weights
from cprs.errors import OptionError, WeightsError
from cprs.train.export import critic as export
from cprs.train.export.bert_graph import from_checkpoint, to_onnx
from cprs.train.export.critic import export_critic

pytest.importorskip("onnx", reason="needs cprs[export]")
runtime = pytest.importorskip("onnxruntime", reason="needs cprs[export]")
safetensors = pytest.importorskip("safetensors.numpy", reason="needs cprs[export]")


def reference(tensors: dict[str, Floats], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """BERT by its paper (arXiv 1810.04805; arXiv 1706.03762, section 3), in float64."""
    t = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def linear(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        y: NDArray[np.float64] = x @ t[f"{name}.weight"].T + t[f"{name}.bias"]
        return y

    def norm(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        y: NDArray[np.float64] = x * t[f"{name}.LayerNorm.weight"] + t[f"{name}.LayerNorm.bias"]
        return y

    def heads(x: NDArray[np.float64]) -> NDArray[np.float64]:
        y: NDArray[np.float64] = x.reshape(len(ids), HEADS, WIDTH // HEADS).transpose(1, 0, 2)
        return y

    erf = np.vectorize(math.erf)
    x = t["embeddings.word_embeddings.weight"][ids]
    x = x + t["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + t["embeddings.token_type_embeddings.weight"][0], "embeddings")
    for i in range(LAYERS):
        at = f"encoder.layer.{i}"
        q, k, v = (
            heads(linear(x, f"{at}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        scores = np.exp(q @ k.transpose(0, 2, 1) / math.sqrt(WIDTH // HEADS))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        a = linear(
            mixed.transpose(1, 0, 2).reshape(len(ids), WIDTH), f"{at}.attention.output.dense"
        )
        x = norm(x + a, f"{at}.attention.output")
        f = linear(x, f"{at}.intermediate.dense")
        f = linear(f * 0.5 * (1 + erf(f / math.sqrt(2))), f"{at}.output.dense")
        x = norm(x + f, f"{at}.output")
    return x


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("Tiny")
    make_bert(folder)
    return folder


def run(graph: Any, ids: NDArray[np.int64]) -> Floats:
    session = runtime.InferenceSession(graph.SerializeToString())
    states: Floats = session.run(["states"], {"ids": ids[None]})[0][0]
    return states


@pytest.mark.parametrize("length", [1, 2, 17, PLACES])
def test_the_graph_computes_bert(length: int) -> None:
    tensors = checkpoint()
    ids = np.random.default_rng(length).integers(0, len(vocabulary()), length)
    found = run(to_onnx(from_checkpoint(tensors, CONFIG)), ids)
    assert np.abs(found - reference(tensors, ids)).max() < 1e-4


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_critic(model, tmp_path_factory.mktemp("out"), name="tiny").folder


def test_an_export_loads_and_stays_close(exported: Path) -> None:
    about = load_weights(exported)
    assert (about.base, about.width, about.window) == ("tiny", WIDTH, PLACES - 2)
    tensors = checkpoint()
    for name in available():
        base = Base.load(exported, runtime=name, threads=1)  # type: ignore[arg-type]
        encoded = base.encode("def add(self): return the class of 7 " * 5)
        ids = encoded.ids[: base.window]
        begin, end = (vocabulary().index(token) for token in ("[CLS]", "[SEP]"))
        exact = reference(tensors, np.array([begin, *ids.tolist(), end]))[1:-1]
        states = base.read(ids)
        cosines = (states * exact).sum(1) / np.linalg.norm(states, axis=1)
        assert (cosines / np.linalg.norm(exact, axis=1)).mean() > 0.99


def test_the_tokenizer_is_neither_cut_nor_padded(exported: Path) -> None:
    base = Base.load(exported, threads=1)
    assert len(base.encode("if")) == 1
    assert len(base.encode("if " * 50)) == 50


def test_an_export_is_reproducible(model: Path, exported: Path, tmp_path: Path) -> None:
    again = export_critic(model, tmp_path / "again", name="tiny").folder
    assert (again / "base.onnx").read_bytes() == (exported / "base.onnx").read_bytes()
    assert (again / "manifest.json").read_bytes() == (exported / "manifest.json").read_bytes()


def test_what_strays_too_far_is_not_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "CLOSE_ENOUGH", 1.1)
    with pytest.raises(WeightsError, match=r"strays too far .* nothing was written"):
        export_critic(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_base_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match=r"no model at .*nowhere"):
        export_critic(tmp_path / "nowhere", tmp_path / "out")
    monkeypatch.setattr(export, "PACKAGE", "no-such-package")
    with pytest.raises(OptionError, match="no-such-package is not installed"):
        export_critic("no-such-package", tmp_path / "out")


def test_a_missing_library_is_named_with_its_extra(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"needs onnx, .*pip install 'cprs\[export\]'"):
        export_critic(model, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "has no config.json"),
        ("model.safetensors", None, "has no model.safetensors"),
        ("config.json", b'{"model_type": "qwen2"}', "is no BERT"),
        ("config.json", b"{", "config.json cannot be read"),
        ("model.safetensors", b"123", "model.safetensors cannot be read"),
        ("tokenizer.json", b"{}", "tokenizer.json cannot be read"),
    ],
)
def test_a_folder_without_a_bert_is_named(
    model: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        export_critic(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_lacks_a_tensor_is_named(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    tensors = checkpoint()
    del tensors["encoder.layer.1.output.dense.bias"]
    safetensors.save_file(tensors, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"lacks 'encoder.layer.1.output.dense.bias'"):
        export_critic(folder, tmp_path / "out")
