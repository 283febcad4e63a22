"""Training: it learns, and goes on after a kill as if nothing had been."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")

from training import make

from cprs.critics.calibration import Calibration, Meaning, Meanings
from cprs.errors import OptionError, TextError, WeightsError
from cprs.train.export.reasoner import WEIGHTS
from cprs.train.reason.batches import hold_out
from cprs.train.reason.checkpoint import NAME
from cprs.train.reason.collate import inputs_of
from cprs.train.reason.dataset import Dataset
from cprs.train.reason.folder import load_reasoner, save_reasoner
from cprs.train.reason.loop import LOG, Step, fit, new_reasoner, pace
from cprs.train.reason.reasoner import Reasoner
from cprs.train.reason.recipe import Recipe
from cprs.train.reason.validate import Validation

torch.set_num_threads(1)  # threads that wait for each other take a busy machine's time
RECIPE = Recipe(
    layers=1, heads=2, feed=32, dropout=0.1, questions=8, steps=10, rate=1e-2, save=4, ranking=0.1
)


def share_of_evidence_first(model: Reasoner, data: Dataset) -> tuple[float, float]:
    """How often the evidence leads its window: by the prior, and after correction."""
    samples = [data[number] for number in range(len(data))]
    samples = [sample for sample in samples if sample.target.any()]
    with torch.inference_mode():
        odds = model(inputs_of([sample.given for sample in samples])).odds.numpy()
    prior = [s.given.odds.argmax() == s.target.argmax() for s in samples]
    after = [
        o[: len(s.target)].argmax() == s.target.argmax() for o, s in zip(odds, samples, strict=True)
    ]
    return float(np.mean(prior)), float(np.mean(after))


def test_a_short_run_beats_the_prior_on_questions_it_has_not_seen(tmp_path: Path) -> None:
    data = make(tmp_path / "train", questions=80)
    recipe = replace(RECIPE, steps=50, save=1000, contrast=1.0)
    model = new_reasoner(data, recipe)
    losses = fit(model, data, recipe, tmp_path)
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    before, after = share_of_evidence_first(model, make(tmp_path / "dev", questions=60, seed=9))
    assert after > before + 0.3


class Killed(Exception):
    pass


def test_a_killed_run_goes_on_with_the_same_losses(tmp_path: Path) -> None:
    data = make(tmp_path / "data", questions=20)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected_model = new_reasoner(data, RECIPE)
    expected = fit(expected_model, data, RECIPE, whole)

    def kill(step: Step) -> None:
        if step.step == 6:
            raise Killed

    with pytest.raises(Killed):
        fit(new_reasoner(data, RECIPE), data, RECIPE, parts, progress=kill)
    torch.rand(5)  # the caller's random numbers are no part of it
    model = new_reasoner(data, RECIPE)
    assert fit(model, data, RECIPE, parts, resume=True) == expected[4:]
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected_model.state_dict()[name]), name
    lines = (parts / LOG).read_text().splitlines()
    assert [json.loads(line)["loss"] for line in lines] == expected
    assert fit(model, data, RECIPE, parts, resume=True) == []


def test_a_checkpoint_of_another_recipe_or_a_broken_one_is_refused(tmp_path: Path) -> None:
    data = make(tmp_path / "data", questions=8)
    recipe = replace(RECIPE, steps=1)
    fit(new_reasoner(data, recipe), data, recipe, tmp_path)
    other = replace(recipe, rate=1e-3)
    with pytest.raises(OptionError, match="another recipe"):
        fit(new_reasoner(data, other), data, other, tmp_path, resume=True)
    (tmp_path / NAME).write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(TextError, match=NAME):
        fit(new_reasoner(data, recipe), data, recipe, tmp_path, resume=True)


def test_the_seed_decides(tmp_path: Path) -> None:
    data = make(tmp_path / "data", questions=8)
    recipe = replace(RECIPE, steps=2)
    runs = [fit(new_reasoner(data, r), data, r, tmp_path) for r in (recipe, recipe)]
    assert runs[0] == runs[1]
    other = replace(recipe, seed=1)
    assert fit(new_reasoner(data, other), data, other, tmp_path) != runs[0]


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [pace(step / 100, 0.1) for step in range(101)]
    assert rates[0] > 0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0)


def test_saved_layers_come_back_and_broken_ones_are_refused(tmp_path: Path) -> None:
    data = make(tmp_path / "data", questions=4)
    model = new_reasoner(data, RECIPE)
    meant = Meanings(Meaning(Calibration((0.0, 1.0), (-2.0, 0.5)), 0.07), Meaning())
    save_reasoner(model, tmp_path, prior="abc", meanings=meant)
    again, meanings, _ = load_reasoner(tmp_path, prior="abc")
    assert meanings == meant
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    with pytest.raises(WeightsError, match="another prior"):
        load_reasoner(tmp_path, prior="xyz")
    raw = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(WeightsError, match="corrupt"):
        load_reasoner(tmp_path, prior="abc")
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        load_reasoner(tmp_path, prior="abc")


def test_what_is_held_out_is_not_trained_on_but_validated(tmp_path: Path) -> None:
    data = make(tmp_path / "data", questions=40)
    trained, held_out = hold_out(data.questions, share=0.25)
    assert len(held_out) == 10
    assert sorted(trained + held_out) == sorted(data.questions)
    assert hold_out(data.questions, share=0) == (data.questions, [])
    found: list[Validation] = []
    recipe = replace(RECIPE, steps=40, save=20, held_out=0.25)
    fit(new_reasoner(data, recipe), data, recipe, tmp_path, checked=found.append)
    assert len(found) == 2
    assert found[1].corrected < found[0].prior == found[1].prior
    assert 0 <= found[1].named <= 1
