"""A hybrid's layers: who sees whom, and what the heads read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")
transformers = pytest.importorskip("transformers", reason="needs cprs[train]")

from hybrids import make_base

from cprs.train.hybrid.collate import inputs_of
from cprs.train.hybrid.dataset import Given
from cprs.train.hybrid.folder import load_hybrid, new_hybrid, save_hybrid
from cprs.train.reason.recipe import Recipe

torch.set_num_threads(1)
RECIPE = Recipe(window=128, prefix="frozen")
PROMPT, WINDOW, CHANGED = 5, 9, 10
"""Tokens of the prompt, of the window, and the place of the one that is changed."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def given(seed: int = 0, *, prompt: int = PROMPT, window: int = WINDOW) -> Given:
    ids = np.random.default_rng(seed).integers(10, 300, prompt + window).astype(np.int32)
    units = np.array([[0, 2], [2, window]])
    return Given(ids[:prompt], ids[prompt:], units, np.array([11, 12, 13]))


def layers_of(model: Any, asked: Given) -> list[Any]:
    """What every layer makes of a row: (n, d) each."""
    found: list[Any] = []
    hooks = [
        layer.register_forward_hook(lambda _, __, out: found.append(out[0].detach().clone()))
        for layer in model.model.layers
    ]
    with torch.no_grad():
        model.states(inputs_of([asked]))
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("prefix", ["frozen", "exact"])
@pytest.mark.parametrize("start", [0, 1])
def test_lower_layers_look_back_and_upper_ones_both_ways(
    base: Path, prefix: str, start: int
) -> None:
    """`start` 0 stands for the usual three quarters: of four layers the last."""
    model = new_hybrid(base, replace(RECIPE, prefix=prefix, bidirectional_from=start)).eval()
    first = start or 3
    assert model.config.bidirectional_from == first
    one = given()
    ids = one.ids.copy()
    ids[CHANGED - PROMPT] += 1
    before, after = layers_of(model, one), layers_of(model, replace(one, ids=ids))
    for number, (a, b) in enumerate(zip(before, after, strict=True)):
        moved = (a - b).abs().amax(dim=1) > 1e-6
        if number < first:
            assert not moved[:CHANGED].any(), number
        else:
            assert moved[PROMPT:CHANGED].all(), number
            assert moved[:PROMPT].all() == (prefix == "exact"), number
            assert moved[:PROMPT].any() == (prefix == "exact"), number
        assert moved[CHANGED:].all(), number


@pytest.mark.parametrize("prefix", ["frozen", "exact"])
def test_the_prompt_looks_both_ways_within_itself(base: Path, prefix: str) -> None:
    model = new_hybrid(base, replace(RECIPE, prefix=prefix)).eval()
    one = given()
    prompt = one.prompt.copy()
    prompt[-1] += 1
    before, after = layers_of(model, one)[-1], layers_of(model, replace(one, prompt=prompt))[-1]
    assert ((before - after).abs().amax(dim=1) > 1e-6).all()


def test_the_causal_layers_are_qwen2s_own(base: Path) -> None:
    model = new_hybrid(base, RECIPE).eval()
    plain = transformers.Qwen2Model.from_pretrained(base, dtype=torch.float32)
    one = given()
    ids = torch.from_numpy(np.concatenate([one.prompt, one.ids]).astype(np.int64))
    with torch.no_grad():
        expected = plain(ids[None], output_hidden_states=True).hidden_states
    for number, found in enumerate(layers_of(model, one)[:3]):
        assert torch.allclose(found, expected[number + 1][0], atol=1e-5), number


@pytest.mark.parametrize("prefix", ["frozen", "exact"])
def test_padding_changes_nothing(base: Path, prefix: str) -> None:
    model = new_hybrid(base, replace(RECIPE, prefix=prefix)).eval()
    rows = [given(1), given(2, prompt=3, window=4), given(3, prompt=11, window=2)]
    rows[2] = replace(rows[2], units=np.array([[0, 2]]), rows=np.array([11]))
    with torch.no_grad():
        together = model(inputs_of(rows))
        for at, row in enumerate(rows):
            alone = model(inputs_of([row]))
            t, u, labels = len(row.ids), len(row.units), len(row.rows)
            assert torch.allclose(alone.tags[0], together.tags[at, :t], atol=1e-5)
            assert torch.allclose(alone.odds[0], together.odds[at, :u], atol=1e-5)
            assert torch.allclose(
                alone.labels[0, :, :labels], together.labels[at, :t, :labels], atol=1e-5
            )


@pytest.mark.parametrize("tied", [True, False])
def test_heads_read_the_window_and_labels_are_rows_of_the_lm_head(
    tmp_path: Path, tied: bool
) -> None:
    model = new_hybrid(make_base(tmp_path / "base", tied=tied), RECIPE).eval()
    head, words = model.lm_head.weight, model.model.embed_tokens.weight
    assert torch.equal(head, words) == tied
    one = given()
    with torch.no_grad():
        said = model(inputs_of([one]))
        states = model.states(inputs_of([one]))[0][0, PROMPT:]
        assert torch.allclose(said.labels[0], states @ head[[11, 12, 13]].T, atol=1e-5)
        assert torch.allclose(said.tags[0], model.cls_head(states), atol=1e-5)
    outside = said.tags[0].softmax(-1)[:, 2].double()
    odds = torch.log((1 - outside) / outside).float()
    assert torch.allclose(said.token_odds[0], odds, atol=1e-3)
    expected = torch.stack([odds[:2].mean(), odds[2:].mean()])
    assert torch.allclose(said.odds[0], expected, atol=1e-3)


def test_before_training_little_looks_like_evidence(base: Path) -> None:
    with torch.no_grad():
        said = new_hybrid(base, RECIPE)(inputs_of([given()]))
    assert 0.01 < float(said.odds.sigmoid().mean()) < 0.15


def test_gradient_checkpointing_changes_no_gradient(base: Path) -> None:
    found = []
    for less in (False, True):
        model = new_hybrid(base, replace(RECIPE, gradient_checkpointing=less)).train()
        product = model.model.layers[0].mlp.up_proj
        runs: list[int] = []
        product.register_forward_hook(lambda *_, runs=runs: runs.append(1))
        model(inputs_of([given()])).odds.sum().backward()
        assert len(runs) == 1 + less  # again in the backward pass, or never
        found.append(product.weight.grad)
    assert found[0].abs().sum() > 0
    assert torch.allclose(found[0], found[1], atol=1e-6)


def test_a_base_in_several_files_and_in_half_precision(base: Path, tmp_path: Path) -> None:
    plain = transformers.Qwen2ForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    parts, out = tmp_path / "parts", tmp_path / "out"
    plain.save_pretrained(parts, max_shard_size="20KB")
    assert len(list(parts.glob("*.safetensors"))) > 2
    model = new_hybrid(parts, RECIPE)
    assert model.dtype == torch.float32
    for name, value in plain.model.state_dict().items():
        assert torch.equal(value.float(), model.model.state_dict()[name]), name
    out.mkdir()
    save_hybrid(model, parts, out)
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"
    again = load_hybrid(out, dtype=torch.float32)
    for name, value in plain.model.state_dict().items():
        assert torch.equal(value.float(), again.model.state_dict()[name]), name


def test_the_seed_decides_the_tag_head_and_nothing_else(base: Path) -> None:
    one, same, other = (new_hybrid(base, replace(RECIPE, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(one.cls_head.weight, same.cls_head.weight)
    assert not torch.equal(one.cls_head.weight, other.cls_head.weight)
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name
