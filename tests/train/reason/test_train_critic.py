"""From question sets to a critic, on the command line and by its pieces."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("yaml", reason="needs cprs[train]")
pytest.importorskip("onnx", reason="needs cprs[train]")

from command import run

from cprs.critics import load_critic
from cprs.critics.embedded_base import Base
from cprs.critics.inquiry import TOKEN_FEATURES, label_vectors
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.prior import Prior
from cprs.critics.weights import SHIPPED
from cprs.errors import OptionError
from cprs.formats import segment
from cprs.guidance import Guidance
from cprs.train.export.reasoner import WEIGHTS
from cprs.train.reason.bases import copy_base
from cprs.train.reason.critic import train_critic
from cprs.train.reason.folder import save_reasoner
from cprs.train.reason.loop import LOG
from cprs.train.reason.reasoner import Reasoner, Shape
from cprs.train.reason.recipe import Recipe
from cprs.windows import cut_windows

torch.set_num_threads(1)
RECIPE = """
made_up: 0
task_documents: 0
hard_documents: 0
layers: 1
feed: 32
steps: 3
questions: 2
save: 1
evaluate: 2
"""
STORY = (
    "The committee met on Tuesday in the old library. Rain had fallen all night. "
    "Maria Alvarez took the chair. The budget came to 41,300 euros. "
) + "A further remark about nothing in particular was made by a guest. " * 40
GUIDANCES = (
    Guidance.parse(query="Who chaired the meeting?"),
    Guidance.parse(instruction="Extract all sums. Tag them with 'sum'.", query="What did it cost?"),
    Guidance.parse(instruction="Find names.", labels=["person", "place"]),
)


def write_sets(folder: Path) -> None:
    facts = {"Who took the chair?": "Maria Alvarez took the chair.", "Why?": "Rain had fallen all"}
    for part in ("train", "dev"):
        (folder / part).mkdir(parents=True)
        qas = [
            {"q": q, "ev": [[STORY.index(fact), STORY.index(fact) + len(fact)]], "lvl": "sentence"}
            for q, fact in facts.items()
        ]
        row = {"id": part, "text": STORY, "qas": [*qas, {"q": "Who slept?", "ev": []}]}
        (folder / part / "toy.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `train_critic` writes it, at step 0."""
    folder = tmp_path_factory.mktemp("untrained")
    copy_base(SHIPPED, PRIOR, folder)
    prior = Prior.load(folder / PRIOR.name)
    shape = Shape(384, len(TOKEN_FEATURES), len(prior.mean), layers=1, heads=4, feed=32)
    save_reasoner(Reasoner(shape), folder, prior=prior.digest)
    return folder


@pytest.mark.parametrize("guidance", GUIDANCES)
def test_at_step_0_the_critic_is_the_prior_bit_for_bit(untrained: Path, guidance: Guidance) -> None:
    trained, prior = load_critic(untrained), load_critic("prior")
    assert trained.name != prior.name
    assert trained.threshold == prior.threshold
    bounds = segment(STORY, format="text", granularity="sentence").passages
    windows = cut_windows(prior.encode(STORY), bounds, size=prior.window)
    states = prior.read(windows)
    found = trained.ask(guidance, windows)(windows, trained.read(windows))
    expected = prior.ask(guidance, windows)(windows, states)
    for one, other in zip(found, expected, strict=True):
        assert one.keep.tobytes() == other.keep.tobytes()
        assert one.tags is not None
        assert np.allclose(one.tags.sum(axis=1), 1, atol=1e-5)
        if guidance.labels:
            assert one.labels is not None
            assert one.labels.shape == (len(one.keep), len(guidance.labels))
            assert np.allclose(one.labels.sum(axis=1), one.keep, atol=1e-3)
        else:
            assert one.labels is None


def test_labels_that_begin_alike_are_told_apart() -> None:
    base, centre = Base.load(), Prior.load().centre.astype(np.float32)
    code, message, blank = label_vectors(base, ["error code", "error message", " "], centre)
    assert np.isclose(np.linalg.norm(code), 1, atol=1e-5)
    assert code @ message < 0.95
    assert not blank.any()


def test_the_command_trains_resumes_and_measures(tmp_path: Path) -> None:
    sets, out = tmp_path / "sets", tmp_path / "critic"
    write_sets(sets)
    (tmp_path / "r.yaml").write_text(RECIPE)
    common = ["train", "critic", "--data", str(sets), "--recipe", str(tmp_path / "r.yaml")]
    done = run(*common, "--out", str(out))
    assert done.code == 0, done.err
    assert b"-torch-" in done.out
    assert len((out / LOG).read_text().splitlines()) == 3
    weights = (out / WEIGHTS).read_bytes()

    again = run(*common, "--out", str(out))
    assert again.code == 2
    assert "is not empty" in again.err
    shutil.rmtree(sets / "dev")
    (out / WEIGHTS).unlink()
    resumed = run("train", "critic", "--data", str(sets), "--out", str(out), "--resume")
    assert resumed.code == 0, resumed.err
    assert (out / WEIGHTS).read_bytes() == weights
    (tmp_path / "r.yaml").write_text(RECIPE + "rate: 1.0e-5\n")
    other = run(*common, "--out", str(out), "--resume")
    assert other.code == 2
    assert "the recipe differs" in other.err


@pytest.mark.parametrize(
    ("base", "settings", "says"),
    [
        ("nothing", {}, "unknown base 'nothing'"),
        ("minilm", {"heads": 5}, "heads must divide"),
        ("minilm", {"start_share": 0.5}, "nothing to mix back in"),
        ("minilm", {"most": {"notice": 3}}, "unknown task or set in most 'notice'"),
    ],
)
def test_what_cannot_be_trained(
    tmp_path: Path, base: str, settings: dict[str, Any], says: str
) -> None:
    write_sets(tmp_path / "sets")
    with pytest.raises(OptionError, match=says):
        train_critic(tmp_path / "sets", base, tmp_path / "out", Recipe(**settings))


def test_a_device_that_is_not_here(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="device 'tpu' is not here; known: auto, cpu"):
        train_critic(tmp_path, "minilm", tmp_path / "out", device="tpu")
    assert not (tmp_path / "out").exists()


def test_no_sets_and_no_run(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no question sets"):
        train_critic(tmp_path, "minilm", tmp_path / "out")
    write_sets(tmp_path / "sets")
    with pytest.raises(OptionError, match="no run to resume"):
        train_critic(tmp_path / "sets", "minilm", tmp_path / "out", resume=True)
