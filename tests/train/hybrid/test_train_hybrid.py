"""From question sets and a Qwen2 to a hybrid critic: trained, stopped, resumed, measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("transformers", reason="needs cprs[train]")
pytest.importorskip("yaml", reason="needs cprs[train]")
pytest.importorskip("onnx", reason="needs cprs[train]")

from command import run
from hybrid_training import RECIPE as TOY
from hybrid_training import train_in_parts
from hybrids import TEXT, make_base, tokenizer, write_sets

from cprs.critics import load_critic
from cprs.errors import CprsError, OptionError, WeightsError
from cprs.formats import segment
from cprs.guidance import Guidance
from cprs.recipes import write_recipe
from cprs.train.reason.critic import train_critic
from cprs.train.reason.loop import read_losses
from cprs.train.reason.recipe import Recipe
from cprs.windows import cut_windows

torch.set_num_threads(1)
RECIPE = replace(TOY, steps=20, save=7, evaluate=1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    write_sets(folder, "train", "dev")
    return folder


@pytest.fixture(scope="module")
def trained(base: Path, sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the command writes it."""
    out = tmp_path_factory.mktemp("trained") / "critic"
    write_recipe(RECIPE, out.parent / "r.yaml")
    common = ("--base", base, "--recipe", out.parent / "r.yaml", "--device", "cpu")
    done = run("train", "critic", "--data", sets, "--out", out, *common)
    assert done.code == 0, done.err
    assert b"hybrid" in done.out
    return out


def test_the_loss_falls(trained: Path) -> None:
    losses = read_losses(trained)
    assert len(losses) == RECIPE.steps
    assert losses[-1] < 0.7 * losses[0]


def test_the_folder_is_hugging_faces(trained: Path, base: Path) -> None:
    config = json.loads((trained / "config.json").read_text())
    assert config["architectures"] == ["CprsForTokenClassification"]
    assert config["model_type"] == "qwen2"
    assert config["id2label"] == {"0": "B", "1": "I", "2": "O", "3": "E"}
    assert (config["bidirectional_from"], config["window"], config["prefix"]) == (3, 128, "frozen")
    safetensors = pytest.importorskip("safetensors.numpy")
    arrays = safetensors.load_file(trained / "model.safetensors")
    before = safetensors.load_file(base / "model.safetensors")
    assert set(arrays) == set(before) | {"cls_head.weight", "cls_head.bias"}
    assert all(np.abs(arrays[name] - before[name]).max() > 0 for name in before)
    assert (trained / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    assert (trained / "recipe.yaml").is_file()
    assert "hybrid" in (trained / "report.txt").read_text()


def test_the_folder_is_a_critic(trained: Path) -> None:
    critic = load_critic(trained)
    assert critic.window == 96
    text = TEXT * 12
    bounds = segment(text, format="text", granularity="sentence").passages
    windows = cut_windows(critic.encode(text), bounds, size=critic.window)
    assert len(windows) > 2
    guidance = Guidance.parse("Extract. Tag with 'fact' or label 'evidence'.", "Who?", labels=None)
    scorer = critic.ask(guidance, windows)
    together = scorer(windows, critic.read(windows))
    for window, scores in zip(windows, together, strict=True):
        (alone,) = scorer([window], [()])
        assert alone.keep.tobytes() == scores.keep.tobytes()
        assert scores.keep.shape == (len(window),)
        assert scores.tags is not None
        assert scores.labels is not None
        assert np.allclose(scores.tags.sum(axis=1), 1, atol=1e-5)
        assert scores.labels.shape == (len(window), len(guidance.labels))
        for a, b in window.units.tolist():
            assert (scores.keep[a:b] == scores.keep[a]).all()
    assert critic.ask(Guidance.parse(query="the committee met " * 99), []).warnings


def test_the_command_measures_it(trained: Path, sets: Path) -> None:
    done = run("eval", "critic", "--data", sets / "dev", "--critic", trained, "--queries", 1)
    assert done.code == 0, done.err
    assert b"hybrid" in done.out


def test_a_killed_run_goes_on_with_the_same_losses(trained: Path, base: Path, sets: Path) -> None:
    parts = trained.parent / "parts"
    train_in_parts(sets, base, parts, replace(RECIPE, evaluate=0), killed=9)
    assert read_losses(parts) == read_losses(trained)
    assert (parts / "model.safetensors").read_bytes() == (
        trained / "model.safetensors"
    ).read_bytes()
    assert not (parts / "report.txt").exists()
    other = make_base(trained.parent / "other", seed=1)
    with pytest.raises(OptionError, match="another base"):
        train_critic(sets, other, parts, resume=True, device="cpu")


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (replace(RECIPE, bidirectional_from=4), "has 4 layers, numbered from 0"),
        (replace(RECIPE, window=2048), "reads 1024 tokens at most"),
    ],
)
def test_recipes_that_do_not_fit_the_base(
    base: Path, sets: Path, tmp_path: Path, recipe: Recipe, says: str
) -> None:
    for _ in range(2):  # the folder is not in use yet
        with pytest.raises(OptionError, match=says):
            train_critic(sets, base, tmp_path / "out", recipe, device="cpu")


def _no_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _llama(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "llama"}')


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _cut_short(folder: Path) -> None:
    raw = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(raw[: len(raw) // 2])


def _no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _other_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def _without_markers(folder: Path) -> None:
    tokenizer(("<|endoftext|>",)).save(str(folder / "tokenizer.json"))


def _lacking(folder: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    arrays = safetensors.load_file(folder / "model.safetensors")
    del arrays["model.layers.1.mlp.up_proj.weight"]
    safetensors.save_file(arrays, folder / "model.safetensors", metadata={"format": "pt"})


def _other_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 48}))


BREAKS: dict[Callable[[Path], None], str] = {
    _no_config: "config.json",
    _llama: "'llama'",
    _no_weights: "no weights",
    _cut_short: "cannot be read",
    _no_tokenizer: "tokenizer.json is missing",
    _other_tokenizer: "not a tokenizer",
    _without_markers: "no <|im_start|>",
    _lacking: "model.layers.1.mlp.up_proj.weight",
    _other_shape: "cannot be read",
}


@pytest.mark.parametrize("broken", BREAKS, ids=lambda f: f.__name__)
def test_bad_bases(base: Path, sets: Path, tmp_path: Path, broken: Callable[[Path], None]) -> None:
    shutil.copytree(base, tmp_path / "base")
    broken(tmp_path / "base")
    with pytest.raises(CprsError) as caught:
        train_critic(sets, tmp_path / "base", tmp_path / "out", RECIPE, device="cpu")
    assert BREAKS[broken] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("broken", [_no_weights, _cut_short, _no_tokenizer, _lacking])
def test_bad_critics(trained: Path, tmp_path: Path, broken: Callable[[Path], None]) -> None:
    shutil.copytree(trained, tmp_path / "critic", ignore=shutil.ignore_patterns("data", "*.pt"))
    broken(tmp_path / "critic")
    with pytest.raises(WeightsError) as caught:
        load_critic(tmp_path / "critic")
    assert BREAKS[broken] in str(caught.value)


def test_a_critic_of_another_version(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "critic", ignore=shutil.ignore_patterns("data", "*.pt"))
    path = tmp_path / "critic" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "cprs_format": 99}))
    with pytest.raises(WeightsError, match="another version"):
        load_critic(tmp_path / "critic")
