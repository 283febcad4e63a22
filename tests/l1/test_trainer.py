"""The loop: it runs through all its stages, goes on after a kill as if nothing had been, and stops
with a clear word where it cannot go on."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[l1]")
pytest.importorskip("transformers", reason="needs cprs[l1]")

from toys import RECIPE, TOKENIZER, data, half, policy, trainer

from cprs.errors import CprsError, OptionError, TextError
from cprs.l1.batches import collate, score
from cprs.l1.checkpoint import NAME
from cprs.l1.corpus import Data
from cprs.l1.demo.tokenizer import make_model
from cprs.l1.policy import load_policy, make_policy
from cprs.l1.record import BAD_BATCH, STEPS, Row, plot, read_measured, read_steps
from cprs.l1.reward.hybrid import Scorer
from cprs.l1.reward.judge import Judge
from cprs.l1.rollout.generate import Generate
from cprs.l1.sft import encode_triplets
from cprs.l1.trainer import POLICY, RETENTION

torch.set_num_threads(1)


def weights(made: Any) -> dict[str, Any]:
    return {name: tensor.clone() for name, tensor in made.policy.model.state_dict().items()}


def rows(folder: Path) -> list[dict[str, str]]:
    return read_steps(folder / STEPS)


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = trainer(tmp_path_factory.mktemp("whole"))
    made.run()
    return made


@pytest.mark.parametrize("when", [2, 5, 6, 8])
def test_a_killed_run_goes_on_with_the_same_losses(tmp_path: Path, whole: Any, when: int) -> None:
    """In the warm-up, in phase 1, at its end, in phase 2; two updates to a step."""

    def kill(row: Row) -> None:
        if row.step == when:
            raise Killed

    with pytest.raises(Killed):
        trainer(tmp_path, progress=kill).run()
    torch.rand(5)  # the caller's random numbers are no part of it
    again = trainer(tmp_path, policy=policy(seed=9), resume=True)
    again.run()
    assert rows(tmp_path) == rows(whole.folder)
    assert read_measured(tmp_path) == read_measured(whole.folder)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name


def test_all_stages_leave_their_marks(whole: Any) -> None:
    folder = whole.folder
    found = rows(folder)
    assert [row["stage"] for row in found] == 3 * ["sft"] + 3 * ["phase 1"] + 3 * ["phase 2"]
    assert [line["when"] for line in read_measured(folder)] == [
        "before warm-up",
        "after warm-up",
        "before phase 1",
        "after phase 1",
        "before phase 2",
        "after phase 2",
    ]
    step = found[-1]
    assert float(step["accuracy"]) >= 0.5
    assert float(step["entropy"]) > 0
    assert float(step["kl"]) > 0
    assert int(step["updates"]) == 2
    retained = json.loads((folder / RETENTION).read_text())
    assert retained["phase"] == 2
    assert len(retained["uids"]) == 2
    assert all(uid.startswith("short") for uid in retained["uids"])
    assert sum(int(row["retained"] or 0) for row in found[6:]) > 0
    assert all(row["retained"] in ("", "0") for row in found[:6])
    saved = load_policy(folder / POLICY)
    assert torch.equal(
        saved.model.lm_head.weight, whole.policy.model.get_output_embeddings().weight
    )


def test_steps_move_towards_what_was_right(tmp_path: Path) -> None:
    """The right outputs' probability rises where the others of their groups are wrong."""
    recipe = replace(RECIPE, sft_steps=0, steps=(3,), limits=(40,), retention="none", mini=4)
    made = trainer(tmp_path, recipe)
    pairs = [
        (made.sampler.prompts.encode(one) or (), TOKENIZER.encode(half(made.data).rights[one.uid]))
        for one in made.data.examples
    ]

    def likely() -> float:
        batch = collate(pairs, pad=made.policy.pad, device=made.policy.device)
        with torch.no_grad():
            logprobs, _ = score(made.policy, batch)
        return float((logprobs * batch.mask).sum())

    before = likely()
    made.run()
    assert likely() > before + 1


def test_phases_and_warm_up_smaller_than_a_batch_are_errors_before_anything_is_done(
    tmp_path: Path,
) -> None:
    with pytest.raises(OptionError, match="phase 2 has 0 examples and a batch takes 4 prompts"):
        trainer(tmp_path / "a", replace(RECIPE, limits=(10, 90)))
    with pytest.raises(OptionError, match="phase 1 has 10 examples"):
        trainer(tmp_path / "b", replace(RECIPE, batch=11))
    assert not (tmp_path / "b").exists()
    with pytest.raises(OptionError, match="the warm-up has 10 examples"):
        trainer(tmp_path / "c", replace(RECIPE, sft_batch=11)).run()


def test_prompts_over_the_limit_are_counted(tmp_path: Path) -> None:
    told: list[str] = []
    recipe = replace(RECIPE, prompt_limit=6, limits=(40,), batch=2, mini=1, sft_batch=4)
    made = trainer(tmp_path, recipe, say=told.append)
    dropped = len(made.sampler.prompts.dropped)
    assert 0 < dropped < 20
    assert f"{dropped} prompts are over the limit of 6 tokens: dropped" in told
    made = trainer(tmp_path / "t", replace(recipe, over="truncate"), say=told.append)
    assert f"{dropped} prompts are over the limit of 6 tokens: truncated" in told
    assert not made.sampler.prompts.dropped


def test_held_out_prompts_over_the_limit_are_said_and_a_set_of_them_has_no_accuracy(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    given = data()
    held = {"both": [given.examples[0], given.examples[-1]], "long": [given.examples[-1]]}
    recipe = replace(RECIPE, prompt_limit=6, limits=(40,), batch=2, mini=1, sft_steps=0)
    made = trainer(tmp_path, recipe, data=Data(given.examples, (), held), say=told.append)
    assert "both: 1 of 2 held-out prompts are over the limit: not measured" in told
    assert "long: 1 of 1 held-out prompts are over the limit: not measured" in told
    made.run()
    assert {tuple(line["accuracy"]) for line in read_measured(tmp_path)} == {("both",)}


def test_outputs_to_learn_from_end_as_the_tokenizer_says(tmp_path: Path) -> None:
    """Chat models know several ends, and only the tokenizer's own closes a turn."""
    made = trainer(tmp_path)
    made.policy.model.generation_config.eos_token_id = [TOKENIZER.pad_token_id, 1]
    assert TOKENIZER.eos_token_id == 1
    pairs = encode_triplets(made.policy, made.data.triplets, made.sampler.prompts)
    assert {output[-1] for _, output in pairs} == {1}


def test_what_is_retained_is_written_once_for_a_run_that_was_killed(tmp_path: Path) -> None:
    def kill(row: Row) -> None:
        if row.stage == "phase 2":
            raise Killed

    recipe = replace(RECIPE, save=9, limits=(3, 4, 40), batch=2, mini=1)
    with pytest.raises(Killed):
        trainer(tmp_path, recipe, progress=kill).run()
    trainer(tmp_path, recipe, policy=policy(seed=9), resume=True).run()
    lines = (tmp_path / RETENTION).read_text().splitlines()
    assert [json.loads(line)["phase"] for line in lines] == [2, 3]


def test_a_batch_that_breaks_the_loss_is_saved(tmp_path: Path) -> None:
    made = trainer(tmp_path, replace(RECIPE, sft_rate=3e-3))
    before = weights(made)
    made.learner.begin(1e-3)
    with torch.no_grad():
        made.policy.model.model.norm.weight[0] = float("inf")
    with pytest.raises(CprsError, match=r"the loss is nan, .*bad-batch\.json"):
        made.learner.imitate([((3, 4), (5, 6))], step=0)
    found = json.loads((tmp_path / BAD_BATCH).read_text())
    assert found["outputs"] == [{"prompt": [3, 4], "output": [5, 6]}]
    name = "model.layers.0.mlp.up_proj.weight"
    assert torch.equal(weights(made)[name], before[name])


def test_a_checkpoint_of_another_run_or_model_is_refused(tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=(1,), sft_steps=1)
    trainer(tmp_path, recipe).run()
    with pytest.raises(OptionError, match="another recipe or other data"):
        trainer(tmp_path, replace(recipe, rate=1e-4), resume=True)
    other = Data(data().examples[1:], data().triplets)
    with pytest.raises(OptionError, match="another recipe or other data"):
        trainer(tmp_path, replace(recipe, batch=2), data=other, resume=True)
    wide = make_policy(make_model(TOKENIZER, seed=0, width=32, layers=1, heads=2), TOKENIZER)
    with pytest.raises(OptionError, match=r"in the model: the checkpoint is of another model"):
        trainer(tmp_path, recipe, policy=wide, resume=True)
    deep = make_policy(make_model(TOKENIZER, seed=0, width=16, layers=2, heads=2), TOKENIZER)
    with pytest.raises(OptionError, match="is only in the model"):
        trainer(tmp_path, recipe, policy=deep, resume=True)
    (tmp_path / NAME).write_bytes(b"rubbish")
    with pytest.raises(TextError, match="cannot be read"):
        trainer(tmp_path, recipe, resume=True)


def test_components_can_be_switched_off(tmp_path: Path) -> None:
    recipe = replace(
        RECIPE,
        sft_steps=0,
        curriculum=False,
        retention="none",
        dynamic=False,
        overlong_buffer=0,
        clip_high=0.2,
        aggregation="sequence",
        scale_advantages=False,
        reference="none",
        steps=(1, 2),
        evaluate=0,
    )
    trainer(tmp_path, recipe).run()
    found = rows(tmp_path)
    assert [row["stage"] for row in found] == 3 * ["phase 1"]
    assert {row["rounds"] for row in found} == {"1"}
    assert {row["kl"] for row in found} == {""}
    assert all(float(row["reward"]) == float(row["accuracy"]) for row in found)
    assert not (tmp_path / RETENTION).exists()
    later = replace(RECIPE, first_phase=2, sft_steps=0)
    trainer(tmp_path / "later", later).run()
    assert {row["stage"] for row in rows(tmp_path / "later")} == {"phase 2"}


def test_the_warm_up_ends_where_it_is_enough(tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=(1,), sft_enough=100.0, evaluate=0, save=1)
    trainer(tmp_path, recipe).run()
    expected = ["sft", "phase 1", "phase 2"]
    assert [row["stage"] for row in rows(tmp_path)] == expected


def test_the_base_policy_can_be_the_scorer(tmp_path: Path) -> None:
    recipe = replace(RECIPE, scorer="base", retention="zero_only", sft_steps=0, retained=3)
    given = data()
    backend = half(given)
    made = trainer(tmp_path, recipe, data=given, backend=backend)
    before = weights(made)
    made.run()
    line = json.loads((tmp_path / RETENTION).read_text())
    assert line["candidates"] == line["hopeless"] == 0  # every other output is right
    assert not all(torch.equal(one, before[name]) for name, one in weights(made).items())


def test_a_step_without_a_mixed_group_says_so_and_changes_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    recipe = replace(RECIPE, sft_steps=0, steps=(1,), limits=(40,), reference="none", longest=2)
    made = trainer(tmp_path, recipe, backend=Generate(), say=told.append)
    before = weights(made)
    made.run()
    row = rows(tmp_path)[0]
    assert (row["updates"], row["kept"], row["dropped_wrong"]) == ("0", "0", "8")
    assert any("none of 8 groups is mixed (0 all right, 8 all wrong)" in line for line in told)
    assert all(torch.equal(one, before[name]) for name, one in weights(made).items())


def test_where_the_judge_is_down_the_rule_decides_and_answers_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("openai", reason="needs cprs[l1]")
    recipe = replace(RECIPE, sft_steps=0, steps=(1,), limits=(40,), evaluate=0, dynamic=False)
    given = data()
    backend = half(given)
    judge = Judge("http://127.0.0.1:9/v1", "none", retries=0)
    backend.rights = dict.fromkeys(backend.rights, "</think> the answer is nobody")
    trainer(tmp_path, recipe, data=given, backend=backend, scorer=Scorer(judge=judge)).run()
    (row,) = rows(tmp_path)
    assert (row["unjudged"], row["accuracy"]) == ("8", "0.0")
    assert "the judge gave no verdict on 8 of 8 answers" in caplog.text


def test_the_record_is_a_table_and_can_be_drawn(tmp_path: Path) -> None:
    trainer(tmp_path, replace(RECIPE, evaluate=0)).run()
    with (tmp_path / STEPS).open(newline="") as file:
        header = next(csv.reader(file))
    for name in ("reward", "accuracy", "kl", "entropy", "clipped", "length", "retained"):
        assert name in header
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TextError, match="columns are not those"):
        read_steps(tmp_path / "other.csv")
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    assert plot(tmp_path).stat().st_size > 1000
