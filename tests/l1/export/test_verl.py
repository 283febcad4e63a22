"""Jobs for verl: rows, reward, settings, and hard examples between phases. What verl itself makes
of them is in tests/with_trainers."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from companion import l1

from cprs.errors import OptionError, TextError
from cprs.l1.curriculum import Phase
from cprs.l1.example import Example, write_examples
from cprs.l1.export.verl import REWARD, phase_of, retained_of, row, settings
from cprs.l1.export.verl_reward import score
from cprs.l1.prompt import prompt_of
from cprs.l1.recipe import Recipe

ANN = Example("a", "Who?", "Ann did.", ("Ann", "Anne"), source="toy", tokens=5)
FIVE = Example("b", "How many?", "Five.", ("5",), kind="numeric", tokens=50)


def test_a_row_has_the_prompt_and_all_the_reward_needs() -> None:
    made = row(ANN, index=3)
    assert made["prompt"] == [{"role": "user", "content": prompt_of(ANN)}]
    assert made["data_source"] == "toy"
    assert made["extra_info"] == {"index": 3, "uid": "a"}
    truth = made["reward_model"]["ground_truth"]
    said = "hm</think>the answer is Anne"
    assert score(said, truth, rule="cover", thinking=True) == {"score": 1.0, "acc": 1.0}
    assert score("the answer is Anne", truth, rule="cover", thinking=True)["acc"] == 0.0
    number = row(FIVE, index=0)["reward_model"]["ground_truth"]
    assert score("</think>the answer is 5.0", number, rule="cover", thinking=True)["acc"] == 1.0


def test_the_reward_file_is_what_verl_calls(tmp_path: Path) -> None:
    path = tmp_path / "reward.py"
    path.write_text(REWARD.format(rule="exact", thinking=False))
    call = runpy.run_path(str(path))["compute_score"]
    truth = row(ANN, index=0)["reward_model"]["ground_truth"]
    got = call(
        data_source="toy", solution_str="the answer is Ann", ground_truth=truth, extra_info={}
    )
    assert got == {"score": 1.0, "acc": 1.0}


def test_settings_are_the_recipes() -> None:
    recipe = Recipe(batch=2, mini=1, clip_high=0.3, longest=7_700, steps=(5, 6))
    made = settings(recipe, Phase(2, 10, 60, (ANN,)), model="m", folder=Path("x"))
    actor = made["actor_rollout_ref"]["actor"]
    assert (actor["clip_ratio_low"], actor["clip_ratio_high"]) == (0.2, 0.3)
    assert actor["loss_agg_mode"] == "token-mean"
    assert made["algorithm"]["filter_groups"]["metric"] == "acc"
    assert made["data"]["max_prompt_length"] == 60 + 256
    assert made["data"]["max_response_length"] == 7_700
    assert made["trainer"]["total_training_steps"] == 6


def outputs(folder: Path, **steps: list[tuple[Example, float]]) -> Path:
    folder.mkdir()
    for name, lines in steps.items():
        rows = [
            {"gts": row(e, index=0)["reward_model"]["ground_truth"], "score": -1.0, "acc": acc}
            for e, acc in lines
        ]
        text = "".join(json.dumps(one) + "\n" for one in rows)
        (folder / f"{name.removeprefix('s')}.jsonl").write_text(text)
    return folder


def test_the_latest_group_decides_what_is_hard(tmp_path: Path) -> None:
    # Step 10 comes after step 9, whatever their names' order.
    found = outputs(
        tmp_path / "o", s9=[(ANN, 0.0), (ANN, 0.0), (FIVE, 1.0)], s10=[(ANN, 1.0), (FIVE, 0.0)]
    )
    kept = retained_of(Recipe(), found)
    assert kept.uids == ("b",)
    assert kept.hopeless == 1
    with pytest.raises(TextError, match="holds no outputs"):
        retained_of(Recipe(), tmp_path)
    (tmp_path / "o/11.jsonl").write_text("{}\n")
    with pytest.raises(TextError, match=r"11\.jsonl:1: no output"):
        retained_of(Recipe(), found)


def test_a_phase_that_is_not_there() -> None:
    with pytest.raises(OptionError, match="phases 1 to 0, not 1"):
        phase_of([], 1)


def test_the_command_writes_each_phase(tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    yaml = pytest.importorskip("yaml")
    data, recipe = tmp_path / "x.jsonl", tmp_path / "r.yaml"
    write_examples(data, [ANN, FIVE])
    recipe.write_text("limits: [10, 60]\nbatch: 1\nmini: 1\n")
    more = ("--recipe", recipe, "--model", "m", "--data", data, "--out", tmp_path / "jobs")
    done = l1("export", "verl", *more)
    assert done.code == 0, done.err
    assert parquet.read_table(tmp_path / "jobs/phase-1/train.parquet").num_rows == 1
    assert l1("export", "verl", *more, "--phase", 2).code == 2
    recipe.write_text("limits: [10, 60]\nbatch: 1\nmini: 1\nfirst_phase: 2\n")
    assert l1("export", "verl", *more, "--phase", 2).code == 0  # nothing ran before it
    recipe.write_text("limits: [10, 60]\nbatch: 1\nmini: 1\n")
    found = outputs(tmp_path / "o", s1=[(ANN, 0.0)])
    done = l1("export", "verl", *more, "--phase", 2, "--outputs", found)
    assert done.code == 0, done.err
    rows = parquet.read_table(tmp_path / "jobs/phase-2/train.parquet").to_pylist()
    assert [one["extra_info"]["uid"] for one in rows] == ["b", "a"]
    said = yaml.safe_load((tmp_path / "jobs/phase-2/override.yaml").read_text())
    assert Path(said["data"]["train_files"]).is_file()
