"""Training data shard by shard: the same whoever prepares it, and kept once it is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.weights import SHIPPED
from cprs.errors import OptionError
from cprs.train.reason import parts
from cprs.train.reason.corpus import MEASURING, Shard, contexts_of, shards
from cprs.train.reason.recipe import Recipe
from cprs.train.tasks import TASKS

RECIPE = Recipe(queries=2, size=4_000, made_up=0, task_documents=1, hard_documents=1)
FACT = "Maria Alvarez took the chair."
TEXT = "Rain had fallen all night. " * 30 + FACT + " Nobody spoke of it again." * 30


@pytest.fixture
def sets(tmp_path: Path) -> list[Shard]:
    question = {"q": "Who took the chair?", "ev": [[TEXT.index(FACT), TEXT.index(FACT) + 29]]}
    for name in ("one", "two"):
        row = {"id": name, "text": TEXT, "qas": [question]}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return [shard for shard in shards(tmp_path, RECIPE) if shard.kind == "set"]


def test_every_set_and_every_task_but_those_for_measuring(
    tmp_path: Path, sets: list[Shard]
) -> None:
    found = {shard.name: shard.kind for shard in shards(tmp_path, RECIPE)}
    assert found == {"one": "set", "two": "set"} | dict.fromkeys(TASKS.keys() - MEASURING, "task")
    made = list(contexts_of(Shard("passkey", "task"), [], RECIPE))
    assert [context.source for context in made] == ["passkey"] * 3


@pytest.mark.parametrize("workers", [1, 2])
def test_shards_are_prepared_once(
    workers: int, sets: list[Shard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "cores", lambda: workers)
    weights = tmp_path / "weights"
    weights.mkdir()
    for path in (*SHIPPED.glob("*.onnx"), SHIPPED / "tokenizer.json", SHIPPED / "manifest.json"):
        (weights / path.name).symlink_to(path)
    (weights / PRIOR.name).symlink_to(PRIOR)
    data = parts.prepare_shards(sets, [], weights, RECIPE, tmp_path / "data")
    assert len(data.questions) == 2
    assert all(data[question[0]].target.sum() == 1 for question in data.questions)
    told: list[str] = []
    again = parts.prepare_shards(sets, [], weights, RECIPE, tmp_path / "data", progress=told.append)
    assert not told
    assert np.array_equal(again[0].given.states, data[0].given.states)
    other = Recipe(queries=1, size=4_000)
    parts.prepare_shards(sets[:1], [], weights, other, tmp_path / "data", progress=told.append)
    assert told


def test_nothing_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="nothing to train on"):
        parts.prepare_shards([], [], SHIPPED, RECIPE, tmp_path)
