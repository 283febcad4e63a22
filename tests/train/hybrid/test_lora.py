"""Adapters: what learns, what stays, and what becomes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("transformers", reason="needs cprs[train]")
pytest.importorskip("yaml", reason="needs cprs[train]")
pytest.importorskip("onnx", reason="needs cprs[train]")
pytest.importorskip("peft", reason="needs cprs[lora]")
safetensors = pytest.importorskip("safetensors.torch", reason="needs cprs[train]")

from hybrid_training import RECIPE as TOY
from hybrid_training import train_in_parts
from hybrids import make_base, write_sets

from cprs.critics import load_critic
from cprs.train.hybrid.collate import inputs_of
from cprs.train.hybrid.dataset import Given
from cprs.train.hybrid.folder import new_hybrid
from cprs.train.hybrid.lora import MATRICES, add_adapters, merge_adapters
from cprs.train.reason.checkpoint import NAME
from cprs.train.reason.critic import train_critic
from cprs.train.reason.loop import read_losses

torch.set_num_threads(1)
RECIPE = replace(TOY, steps=6, lora_rank=2, save=4, evaluate=0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def given() -> Given:
    ids = np.arange(20, 34, dtype=np.int32)
    return Given(ids[:5], ids[5:], np.array([[0, 2], [2, 9]]), np.array([11, 12]))


def test_new_adapters_change_nothing_and_merged_ones_no_answer(base: Path) -> None:
    model = new_hybrid(base, RECIPE).eval()
    names = set(model.state_dict())
    with torch.no_grad():
        before = model(inputs_of([given()])).tags
        add_adapters(model, RECIPE)
        assert torch.equal(model(inputs_of([given()])).tags, before)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.3)
        changed = model(inputs_of([given()])).tags
        assert (changed - before).abs().max() > 0.05
        merge_adapters(model)
        assert torch.allclose(model(inputs_of([given()])).tags, changed, atol=1e-5)
    assert set(model.state_dict()) == names


def test_alpha_scales_them(base: Path) -> None:
    said = []
    for alpha in (0.0, 4.0, 8.0):
        model = new_hybrid(base, RECIPE).eval()
        add_adapters(model, replace(RECIPE, lora_alpha=alpha))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.fill_(0.1)
            said.append(model(inputs_of([given()])).tags)
    assert torch.equal(said[0], said[1])  # usually twice the rank
    assert not torch.allclose(said[1], said[2], atol=1e-3)


def test_adapters_and_the_tag_head_learn_alone(base: Path) -> None:
    model = new_hybrid(base, RECIPE, dtype=torch.bfloat16)
    add_adapters(model, RECIPE)
    for name, parameter in model.named_parameters():
        learns = ".lora_" in name or name.startswith("cls_head.")
        assert parameter.requires_grad == learns, name
        assert parameter.dtype == (torch.float32 if learns else torch.bfloat16), name
    adapted = {
        name.split(".lora_")[0].rsplit(".", 1)[1] for name in model.state_dict() if ".lora_" in name
    }
    assert adapted == set(MATRICES)


def test_a_run_ends_in_a_plain_hybrid_and_a_killed_one_in_the_same(
    base: Path, tmp_path: Path
) -> None:
    write_sets(tmp_path, "train")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_critic(tmp_path, base, whole, RECIPE, device="cpu")
    train_in_parts(tmp_path, base, parts, RECIPE, killed=5)
    assert read_losses(parts) == read_losses(whole)
    assert (parts / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()

    before = safetensors.load_file(base / "model.safetensors")
    after = safetensors.load_file(whole / "model.safetensors")
    assert set(after) == set(before) | {"cls_head.weight", "cls_head.bias"}
    for name, value in before.items():
        difference = after[name] - value
        if name.split(".")[-2] in MATRICES and name.endswith("weight"):
            # Of the rank that was asked for, but for what adding in float32 rounds.
            sizes = torch.linalg.svdvals(difference.double())
            assert sizes[1] > 1e-4, name
            assert sizes[2] < 1e-5, name
        else:
            assert not difference.any(), name
    assert json.loads((whole / "config.json").read_text())["architectures"] == [
        "CprsForTokenClassification"
    ]
    assert load_critic(whole).window == 96
    saved = torch.load(whole / NAME, weights_only=True)["model"]
    assert all(".lora_" in name or name.startswith("cls_head.") for name in saved)
