"""Several processes train one hybrid as one process does."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("transformers", reason="needs cprs[train]")
pytest.importorskip("yaml", reason="needs cprs[train]")
pytest.importorskip("onnx", reason="needs cprs[train]")
pytest.importorskip("peft", reason="needs cprs[lora]")
if not torch.distributed.is_available():
    pytest.skip("this torch has no processes that talk", allow_module_level=True)

from hybrid_training import RECIPE as TOY
from hybrid_training import Killed, kill_at
from hybrids import make_base, write_sets

from cprs.critics.hybrid.tokens import load_tokens
from cprs.critics.lexical import LexicalCritic
from cprs.errors import OptionError, WeightsError
from cprs.train.hybrid.batches import prepare
from cprs.train.hybrid.collate import inputs_of
from cprs.train.hybrid.dataset import Dataset
from cprs.train.hybrid.learner import learner, learnt
from cprs.train.hybrid.processes import Job, check_processes, fit_together
from cprs.train.hybrid.train import PRETRAINED
from cprs.train.reason.corpus import contexts_of, shards
from cprs.train.reason.loop import Step, fit, read_losses
from cprs.train.reason.validate import Validation

torch.set_num_threads(1)
RECIPE = replace(
    TOY,
    held_out=0.25,
    questions=1,
    hard_windows=2,
    steps=5,
    save=2,
    gradient_checkpointing=True,
    probe=1.0,
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"), layers=2)


@pytest.fixture(scope="module")
def data(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a question one window or more: with one, a process has none to read."""
    sets, out = tmp_path_factory.mktemp("sets"), tmp_path_factory.mktemp("data")
    write_sets(sets, "train")
    contexts = [c for s in shards(sets / "train", RECIPE) for c in contexts_of(s, [], RECIPE)]
    prepare(contexts, load_tokens(base), LexicalCritic(), RECIPE, out, base="toy")
    return out


@pytest.mark.parametrize("rank", [0, 2], ids=["all", "adapters"])
def test_two_go_on_where_one_stopped_with_the_same_losses(
    base: Path, data: Path, tmp_path: Path, rank: int
) -> None:
    recipe = replace(RECIPE, lora_rank=rank)
    dataset, whole, parts = Dataset(data), tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    train = partial(fit, inputs=inputs_of, base=PRETRAINED)
    expected = train(learner(base, recipe, CPU), dataset, recipe, whole)
    with pytest.raises(Killed):
        train(learner(base, recipe, CPU), dataset, recipe, parts, progress=kill_at(2))
    told: list[Step] = []
    checked: list[Validation] = []
    job = Job(base, data, parts, recipe, PRETRAINED, resume=True, device="cpu", processes=2)
    fit_together(job, progress=told.append, checked=checked.append)
    assert [step.step for step in told] == [2, 3, 4]
    assert len(checked) == 2
    assert np.allclose(read_losses(parts), expected, rtol=1e-4)
    one, two = learnt(base, recipe, whole), learnt(base, recipe, parts)
    before = learner(base, replace(recipe, lora_rank=0), CPU).state_dict()
    for name, value in one.state_dict().items():
        assert torch.allclose(value, two.state_dict()[name], atol=1e-4), name
    assert any((before[n] - v).abs().max() > 1e-2 for n, v in one.state_dict().items())


def test_what_stops_a_process_is_said(base: Path, data: Path, tmp_path: Path) -> None:
    job = Job(
        tmp_path / "none",
        data,
        tmp_path,
        RECIPE,
        PRETRAINED,
        resume=False,
        device="cpu",
        processes=1,
    )
    with pytest.raises(WeightsError, match=r"none.config.json: cannot be read"):
        fit_together(job)


def test_numbers_of_processes() -> None:
    check_processes(3, "cpu")
    with pytest.raises(OptionError, match="at least 1, got 0"):
        check_processes(0, "cpu")


def test_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_processes(2, "cuda")
    with pytest.raises(OptionError, match="each needs a GPU, and 2 are here, not 3"):
        check_processes(3, "cuda")
