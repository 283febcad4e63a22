"""The toy's runs from beginning to end, too small to learn: every part leaves its figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[l1]")
pytest.importorskip("transformers", reason="needs cprs[l1]")

from cprs.errors import OptionError
from cprs.l1.demo import report
from cprs.l1.demo import run as module
from cprs.l1.demo.presets import PRESETS, preset
from cprs.l1.demo.task import Shape
from cprs.l1.pairs import Paired, make_pairs

torch.set_num_threads(1)
CPU = PRESETS["cpu"]
SMALL = replace(
    CPU,
    width=16,
    layers=1,
    heads=2,
    short=Shape(2, 3),
    long=Shape(9, 10),
    shorts=8,
    longs=8,
    triplets=16,
    recipe=replace(
        CPU.recipe,
        sft_steps=1,
        limits=(6, 40),
        sft_batch=8,
        steps=(1,),
        batch=4,
        mini=4,
        group=2,
        rounds=1,
        dynamic=False,
        retained=2,
        evaluate=2,
        evaluate_samples=1,
    ),
    pairs=8,
    preference=replace(CPU.preference, steps=1, batch=1),
)


def test_a_seed_leaves_all_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib")

    # An untrained policy is never right: let pairs be made all the same.
    def paired(shorts: Any, longs: Any, outputs: Any, rights: Any, *, seed: int) -> Paired:
        half = [[1.0] + [0.0] * (len(one) - 1) for one in rights]
        return make_pairs(shorts, longs, outputs, half, seed=seed)

    monkeypatch.setattr(module, "make_pairs", paired)
    monkeypatch.setitem(PRESETS, "cpu", SMALL)
    (found,) = module.run("cpu", tmp_path, seeds=1)
    assert json.loads((tmp_path / "seed-0/result.json").read_text()) == found
    assert set(found["preference"]) == {"pairs", "before", "orpo", "orpo on long", "solo-orpo"}
    assert found["whole"]["retained"]["count"] == 2
    assert (tmp_path / "seed-0/whole/steps.png").exists()
    text = report.markdown([found])
    for claim in report.CLAIMS:
        assert f"- {claim}: " in text
    assert "| long, after phase 2 |" in text
    assert module.run("cpu", tmp_path, seeds=1) == [found]


def test_claims_that_do_not_hold_are_named() -> None:
    after = {"short": 0.5, "long": 0.5, "retained": 0.5}
    less = dict.fromkeys(after, 0.1)
    when = {"before phase 1": less, "after phase 1": after, "before phase 2": less}
    good = {
        "whole": {
            "accuracy": {**when, "after phase 2": after},
            "entropy": [1.0, 0.5],
            "retained": {"drawn": 3},
        },
        "phase 2 alone": {"accuracy": {"after phase 2": less}},
        "preference": {"orpo": less, "solo-orpo": after},
    }
    assert report.unmet([good, good]) == []
    bad = {**good, "preference": {"orpo": after, "solo-orpo": after}}
    (line,) = report.unmet([good, bad])
    assert line == "SoLo-ORPO beats ORPO on long texts, on the same pairs (1 of 2 seeds)"


def test_presets_are_recipes_that_fit_their_documents() -> None:
    for chosen in PRESETS.values():
        toy = module.make_toy(replace(chosen, shorts=50, longs=50, triplets=50), 0)
        words = {name: [_tokens(one) for one in getattr(toy, name)] for name in ("shorts", "longs")}
        first, second = chosen.recipe.limits
        assert max(words["shorts"]) <= first < min(words["longs"])
        assert max(words["longs"]) <= second
    with pytest.raises(OptionError, match="unknown preset"):
        preset("tpu")


def _tokens(one: object) -> int:
    example = one.example  # type: ignore[attr-defined]
    return len(f"{example.context}\n{example.question}".split())
