"""What scores mean is learnt from questions held out, or left as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")

from training import make

from cprs.critics.calibration import Calibration
from cprs.train.reason.dataset import Joined
from cprs.train.reason.loop import new_reasoner
from cprs.train.reason.meaning import LEAST, fit_meanings
from cprs.train.reason.recipe import Recipe

torch.set_num_threads(1)
RECIPE = Recipe(layers=1, width=8, heads=1, feed=16)


def test_noise_is_called_noise(tmp_path: Path) -> None:
    data = Joined([make(tmp_path / "one", questions=40), make(tmp_path / "two", questions=40)])
    assert data.sources == ["one"] * 40 + ["two"] * 40
    meaning = fit_meanings(new_reasoner(data, RECIPE), data, data.questions).query
    assert meaning.threshold is not None
    # The prior's log-odds are noise: evidence is 1 of the 15 passages the samples stand for.
    said = meaning.calibration.probability(np.linspace(-4, 0, 9))
    assert 0.03 < said.mean() < 0.13
    assert np.ptp(said) < 0.2


def test_too_few_questions_say_nothing(tmp_path: Path) -> None:
    data = Joined([make(tmp_path, questions=LEAST - 1)])
    meaning = fit_meanings(new_reasoner(data, RECIPE), data, data.questions).query
    assert meaning.calibration == Calibration()
    assert meaning.threshold is None


def test_each_family_counts_once(tmp_path: Path) -> None:
    data = Joined([make(tmp_path / str(n), questions=n, seed=n) for n in (60, 12)])
    model = new_reasoner(data, replace(RECIPE, seed=1))
    apart = fit_meanings(model, data, data.questions)
    together = fit_meanings(model, data, data.questions, family=lambda _: "one")
    assert apart.query.calibration != together.query.calibration


def test_instructions_are_told_apart(tmp_path: Path) -> None:
    data = Joined(
        [make(tmp_path / "one", questions=40), make(tmp_path / "two", questions=40, kinds=1)]
    )
    model = new_reasoner(data, RECIPE)
    asked = data.questions
    apart = fit_meanings(model, data, asked)
    alone = fit_meanings(model, data, data.questions[:40])
    assert apart.query == alone.query
    assert apart.instruction is not None
    assert apart.instruction.threshold is not None
    some = asked[: 40 + LEAST - 1]
    few = fit_meanings(model, data, some)
    assert few.instruction is None
