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
from cprs.l1 import pairing
from cprs.l1.demo import report
from cprs.l1.demo.ablate import ablation
from cprs.l1.demo.figure import draw
from cprs.l1.demo.presets import PRESETS, Preset, preset
from cprs.l1.demo.run import run
from cprs.l1.demo.task import Shape
from cprs.l1.demo.tokenizer import make_model, make_tokenizer
from cprs.l1.demo.toy import make_toy
from cprs.l1.pairs import Paired, make_pairs

torch.set_num_threads(1)


def small(chosen: Preset) -> Preset:
    """A preset whose runs take a second; what is not a size is as it was."""
    return replace(
        chosen,
        width=16,
        layers=1,
        heads=2,
        short=Shape(2, 3),
        long=Shape(9, 10),
        shorts=8,
        longs=8,
        triplets=16,
        recipe=replace(
            chosen.recipe,
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
            precision="bfloat16",
        ),
        pairs=8,
        preference=replace(chosen.preference, steps=1, batch=1),
    )


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_seed_leaves_all_figures(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each preset, in the precision of a GPU."""
    pytest.importorskip("matplotlib", reason="needs matplotlib")

    # An untrained policy is never right: let pairs be made all the same.
    def paired(shorts: Any, longs: Any, outputs: Any, rights: Any, *, seed: int) -> Paired:
        half = [[1.0] + [0.0] * (len(one) - 1) for one in rights]
        return make_pairs(shorts, longs, outputs, half, seed=seed)

    monkeypatch.setattr(pairing, "make_pairs", paired)
    monkeypatch.setitem(PRESETS, name, small(PRESETS[name]))
    told: list[str] = []
    (alone,) = run(name, tmp_path, seeds=[7], parts=["preference"], say=told.append)
    assert report.held([alone]).keys() == {"SoLo-ORPO beats ORPO on long texts, on the same pairs"}
    assert "phase" not in report.markdown([alone])
    (found,) = run(name, tmp_path, seeds=[7], say=told.append)
    parts = [line.partition(" done in ")[0] for line in told]
    assert parts == ["seed 7: warm-up", "seed 7: preference", "seed 7: phases"]
    assert found["preference"] == alone["preference"]
    assert json.loads((tmp_path / "seed-7/result.json").read_text()) == found
    assert set(found["preference"]) == {"pairs", *report.PREFERENCES}
    assert found["phases"]["whole"]["retained"]["count"] == 2
    assert (tmp_path / "seed-7/whole/steps.png").exists()
    text = report.markdown([found])
    for claim in report.CLAIMS:
        assert f"- {claim}: " in text
    assert "| long, after phase 2 |" in text
    first = draw([found], tmp_path / "a.svg").read_bytes()
    assert b"<svg" in first
    assert draw([found], tmp_path / "b.svg").read_bytes() == first
    assert run(name, tmp_path, seeds=[7]) == [found]
    monkeypatch.setitem(PRESETS, name, replace(PRESETS[name], pairs=7))
    (other,) = run(name, tmp_path, seeds=[7], parts=["preference"])
    assert other["preference"]["pairs"] == 7


def test_the_gpus_preset_is_a_model_of_half_a_billion() -> None:
    chosen = PRESETS["h200"]
    with torch.device("meta"):
        model = make_model(
            make_tokenizer(chosen.long.people),
            seed=0,
            width=chosen.width,
            layers=chosen.layers,
            heads=chosen.heads,
        )
    assert 0.45e9 < sum(p.numel() for p in model.parameters()) < 0.55e9


def test_the_toy_is_run_once_more_without_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "cpu", small(PRESETS["cpu"]))
    told: list[str] = []
    lines = ablation("cpu", tmp_path, seeds=[3], without=["warm-up"], say=told.append)
    assert [line.without for line in lines] == ["all of it", "without warm-up"]
    assert set(lines[0].figures) == {"short", "long", "entropy", "tokens"}
    assert (tmp_path / "without-warm-up/seed-3/steps.csv").exists()
    assert told[0].startswith("all of it: short 0.")
    assert (tmp_path / "ablation.md").read_text().count("\n") == 8


def test_claims_that_do_not_hold_are_named() -> None:
    after = {"short": 0.5, "long": 0.5, "retained": 0.5}
    less = dict.fromkeys(after, 0.1)
    when = {"before phase 1": less, "after phase 1": after, "before phase 2": less}
    good = {
        "phases": {
            "whole": {
                "accuracy": {**when, "after phase 2": after},
                "entropy": [1.0, 0.5],
                "retained": {"drawn": 3},
            },
            "phase 2 alone": {"accuracy": {"after phase 2": less}},
        },
        "preference": {"orpo": less, "solo-orpo": after},
    }
    assert report.unmet([good, good]) == []
    bad = {**good, "preference": {"orpo": after, "solo-orpo": after}}
    (line,) = report.unmet([good, bad])
    assert line == "SoLo-ORPO beats ORPO on long texts, on the same pairs (1 of 2 seeds)"


def test_presets_are_recipes_that_fit_their_documents() -> None:
    for chosen in PRESETS.values():
        toy = make_toy(replace(chosen, shorts=50, longs=50, triplets=50), 0)
        words = {name: [_tokens(one) for one in getattr(toy, name)] for name in ("shorts", "longs")}
        first, second = chosen.recipe.limits
        assert max(words["shorts"]) <= first < min(words["longs"])
        assert max(words["longs"]) <= second
    cpu = PRESETS["cpu"]
    assert replace(cpu, recipe=replace(cpu.recipe, save=7)).digest == cpu.digest
    for other in (replace(cpu.recipe, rate=1.0), replace(cpu.recipe, evaluate=7)):
        assert replace(cpu, recipe=other).digest != cpu.digest
    with pytest.raises(OptionError, match="unknown preset"):
        preset("tpu")


def test_what_the_demo_cannot_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown part 'phase'; known: phases, preference"):
        run("cpu", tmp_path, seeds=[0], parts=["phase"])
    with pytest.raises(OptionError, match="at least one seed"):
        run("cpu", tmp_path, seeds=[])


def _tokens(one: Any) -> int:
    example = one.example
    return len(f"{example.context}\n{example.question}".split())
