"""Layers as a file: the same numbers as on torch, in float32 on either runtime and in int8."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("onnx", reason="needs cprs[train]")

from cprs import Compressor
from cprs.critics import load_critic
from cprs.critics.inquiry import TOKEN_FEATURES
from cprs.critics.layers import ExportedLayers, Given, interpret
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.prior import Prior
from cprs.critics.runtimes import available
from cprs.critics.weights import MANIFEST, SHIPPED
from cprs.errors import WeightsError
from cprs.train.export.reasoner import export_reasoner
from cprs.train.export.reasoner_graph import from_reasoner, to_onnx
from cprs.train.reason.bases import copy_base
from cprs.train.reason.collate import inputs_of
from cprs.train.reason.corpus import Shard
from cprs.train.reason.folder import save_reasoner
from cprs.train.reason.parts import prepare_shards
from cprs.train.reason.reasoner import Reasoner, Shape
from cprs.train.reason.recipe import Recipe

torch.set_num_threads(1)
FEATURES = len(Prior.load().mean)
SHAPE = Shape(384, len(TOKEN_FEATURES), FEATURES, width=32, layers=2, heads=2, feed=48)
TEXT = "Rain had fallen all night. " * 50 + "Maria took the chair. " + "Nobody spoke. " * 90


def stirred() -> Reasoner:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Reasoner(SHAPE)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
    model.eval()
    return model


def window(prompt: int, lengths: list[int], labels: int) -> Given:
    rng = np.random.default_rng(prompt + labels)
    ends = np.cumsum(lengths)

    def numbers(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.standard_normal(shape).astype(np.float32)

    return Given(
        states=numbers(int(ends[-1]), 384),
        units=np.stack([ends - lengths, ends], axis=1),
        tokens=numbers(int(ends[-1]), SHAPE.features),
        passages=numbers(len(ends), FEATURES),
        odds=numbers(len(ends)),
        prompt=numbers(prompt, 384),
        prompt_tokens=numbers(prompt, SHAPE.features),
        labels=numbers(labels, 384),
        kinds=False,
    )


@pytest.mark.parametrize("runtime", available())
@pytest.mark.parametrize(
    ("prompt", "lengths", "labels"),
    [(12, [3, 40, 1], 0), (0, [1], 1), (256, [100, 156], 3), (1, [5, 5], 2)],
)
def test_the_graph_says_what_torch_says(
    tmp_path: Path, runtime: str, prompt: int, lengths: list[int], labels: int
) -> None:
    model = stirred()
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    graph = to_onnx(from_reasoner(arrays, layers=SHAPE.layers, heads=SHAPE.heads))
    (tmp_path / "layers.onnx").write_bytes(graph.SerializeToString())
    layers = ExportedLayers.load(tmp_path / "layers.onnx", digest="", runtime=runtime, threads=1)  # type: ignore[arg-type]
    given = window(prompt, lengths, labels)
    with torch.inference_mode():
        expected = model(inputs_of([given]))
    said = interpret(given, layers(given))
    assert np.abs(expected.correction[0].numpy()).max() > 1e-3
    assert np.allclose(said.correction, expected.correction[0].numpy(), atol=1e-4)
    assert np.allclose(said.tags, expected.tags[0].softmax(-1).numpy(), atol=1e-4)
    if labels:
        found = expected.labels[0].softmax(-1).numpy()[:, 1:]
        assert np.allclose(said.labels, found, atol=1e-4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `cprs train critic` leaves it."""
    folder = tmp_path_factory.mktemp("trained")
    copy_base(SHIPPED, PRIOR, folder)
    save_reasoner(stirred(), folder, prior=Prior.load(folder / PRIOR.name).digest)
    recipe = Recipe(task_documents=1)
    prepare_shards([Shard("passkey", "task")], [], folder, recipe, folder / "data")
    return folder


def test_a_trained_folder_becomes_one_that_is_used(trained: Path, tmp_path: Path) -> None:
    done = export_reasoner(trained, tmp_path / "out")
    assert done.agreement > 0.98
    assert done.difference < 0.05
    exported, torch_critic = load_critic(tmp_path / "out"), load_critic(trained)
    assert "layers-" in exported.name
    assert "torch-" in torch_critic.name
    scores = [
        Compressor(critic).compress(TEXT, query="Who took the chair?", threshold=0.0).spans
        for critic in (exported, torch_critic, load_critic("embedded"))
    ]
    best = [max(span.score for span in spans) for spans in scores]
    assert abs(best[0] - best[1]) < 0.05


def test_layers_beside_another_prior_are_refused(trained: Path, tmp_path: Path) -> None:
    export_reasoner(trained, tmp_path)
    assert load_critic(tmp_path).threshold == load_critic("prior").threshold
    prior = json.loads((tmp_path / PRIOR.name).read_text())
    prior["offset"] += 1
    (tmp_path / PRIOR.name).write_text(json.dumps(prior))
    with pytest.raises(WeightsError, match="corrects another prior"):
        load_critic(tmp_path)


def test_without_training_windows_there_is_nothing_to_calibrate_on(tmp_path: Path) -> None:
    copy_base(SHIPPED, PRIOR, tmp_path)
    save_reasoner(stirred(), tmp_path, prior=Prior.load(tmp_path / PRIOR.name).digest)
    with pytest.raises(WeightsError, match="no training windows"):
        export_reasoner(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out" / MANIFEST).exists()
