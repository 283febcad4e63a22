"""What a hybrid cannot be trained with: one line that says so."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("transformers", reason="needs cprs[train]")
pytest.importorskip("yaml", reason="needs cprs[train]")
pytest.importorskip("onnx", reason="needs cprs[train]")

from command import run
from hybrids import make_base, write_sets

from cprs.errors import OptionError
from cprs.recipes import write_recipe
from cprs.train.reason.critic import train_critic
from cprs.train.reason.precision import in_bfloat16
from cprs.train.reason.recipe import Recipe

RECIPE = Recipe(made_up=0, task_documents=0, hard_documents=0, window=128, steps=1, evaluate=0)
CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    write_sets(folder, "train")
    return folder


def test_adapters_without_peft(sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = make_base(tmp_path / "base", layers=1)
    there = importlib.util.find_spec

    def gone(name: str) -> ModuleSpec | None:
        return None if name == "peft" else there(name)

    monkeypatch.setattr(importlib.util, "find_spec", gone)
    write_recipe(replace(RECIPE, lora_rank=2), tmp_path / "r.yaml")
    done = run(
        *("train", "critic", "--data", sets, "--base", base, "--device", "cpu"),
        *("--recipe", tmp_path / "r.yaml", "--out", tmp_path / "out"),
    )
    assert done.code == 2
    assert done.error == "lora_rank needs peft; run: pip install 'cprs[lora]'"


def test_a_scale_of_adapters_that_are_not_there() -> None:
    with pytest.raises(OptionError, match="lora_alpha scales adapters, and lora_rank is 0"):
        Recipe(lora_alpha=16.0)
    with pytest.raises(OptionError, match="lora_rank must be at least 0, got -1"):
        Recipe(lora_rank=-1)


@pytest.mark.parametrize(
    ("recipe", "processes", "says"),
    [
        (replace(RECIPE, lora_rank=2), 1, "lora_rank is for hybrids"),
        (RECIPE, 2, "processes is for hybrids"),
        (RECIPE, 0, "processes is for hybrids"),
    ],
)
def test_what_is_for_hybrids_alone(
    sets: Path, tmp_path: Path, recipe: Recipe, processes: int, says: str
) -> None:
    with pytest.raises(OptionError, match=says):
        train_critic(sets, "minilm", tmp_path / "out", recipe, device="cpu", processes=processes)


def test_no_processes(sets: Path, tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", layers=1)
    with pytest.raises(OptionError, match="processes must be at least 1, got 0"):
        train_critic(sets, base, tmp_path / "out", RECIPE, device="cpu", processes=0)


@pytest.mark.parametrize("there", [True, False])
def test_bfloat16_is_used_where_a_gpu_has_it(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    def asked(*, including_emulation: bool = True) -> bool:
        return there or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", asked)
    assert in_bfloat16("auto", GPU) == there
    assert not in_bfloat16("float32", GPU)
    if there:
        assert in_bfloat16("bfloat16", GPU)
    else:
        with pytest.raises(OptionError, match="this GPU has no bfloat16"):
            in_bfloat16("bfloat16", GPU)
    assert in_bfloat16("bfloat16", CPU)
    assert not in_bfloat16("auto", CPU)
