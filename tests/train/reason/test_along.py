"""A base that learns along with the layers above it: a tiny random BERT."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("transformers", reason="needs cprs[train]")
pytest.importorskip("onnx", reason="needs cprs[train]")
pytest.importorskip("onnxruntime", reason="needs cprs[train]")

from berts import PLACES, WIDTH, make_bert

from cprs.critics import load_critic
from cprs.critics.embedded_base import Base
from cprs.critics.packing import pack, unpack
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.prior import Prior
from cprs.critics.weights import MODEL
from cprs.errors import OptionError, WeightsError
from cprs.formats import segment
from cprs.guidance import Guidance
from cprs.train.export.critic import TENSORS
from cprs.train.export.reasoner import WEIGHTS, export_reasoner
from cprs.train.reason.along import Along, inputs_of
from cprs.train.reason.bases import START
from cprs.train.reason.bert import load_bert
from cprs.train.reason.critic import train_critic
from cprs.train.reason.dataset import Dataset, GivenIds
from cprs.train.reason.folder import load_reasoner
from cprs.train.reason.loop import Step, new_reasoner, read_losses
from cprs.train.reason.reasoner import TAGS
from cprs.train.reason.recipe import Recipe
from cprs.train.reason.run import PREPARED
from cprs.windows import cut_windows

torch.set_num_threads(1)
RECIPE = Recipe(
    made_up=0,
    task_documents=0,
    hard_documents=0,
    layers=1,
    width=24,
    heads=2,
    feed=32,
    questions=2,
    steps=40,
    save=8,
    rate=1e-2,
    base_rate=1e-3,
    warmup=0.0,
    evaluate=0,
    held_out=0.0,
)
FACTS = ("Anna took the chair.", "The sum is 41 in all.", "Rain fell all night.")
STORY = " ".join(f"{fact} A guest made a remark. Nobody spoke of it." for fact in FACTS)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT's folder, with a prior for states as wide as its."""
    folder = tmp_path_factory.mktemp("bert")
    make_bert(folder)
    replace(Prior.load(), centre=np.zeros(WIDTH)).save(folder / PRIOR.name)
    return folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    asked = zip(("Who took it?", "What is the sum?", "What fell?"), FACTS, strict=True)
    places = [(query, STORY.index(fact), len(fact)) for query, fact in asked]
    qas = [{"q": query, "ev": [[at, at + size]], "lvl": "sentence"} for query, at, size in places]
    row = {"id": "story", "text": STORY, "qas": qas}
    (folder / "toy.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(base: Path, sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "critic"
    train_critic(sets, base, out, RECIPE, device="cpu")
    return out


def given(folder: Path) -> list[GivenIds]:
    """All training windows that were read by the base in `folder`."""
    data = Dataset(folder / PREPARED / "toy")
    found = [data[number].given for number in range(len(data))]
    assert all(isinstance(one, GivenIds) for one in found)
    return found  # type: ignore[return-value]


def test_torch_reads_what_the_exported_base_reads(base: Path, trained: Path) -> None:
    exact, int8 = load_bert(base), Base.load(trained / START)
    lengths = (1, 7, PLACES - 2)
    windows = [np.arange(4, 4 + length, dtype=np.int32) for length in lengths]
    ids = np.zeros((len(windows), PLACES - 2), np.int64)
    for row, window in zip(ids, windows, strict=True):
        row[: len(window)] = window
    mask = np.arange(PLACES - 2) < np.array(lengths)[:, None]
    with torch.inference_mode():
        states = exact(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    for row, window in zip(states, windows, strict=True):
        one, other = row[: len(window)], int8.read(window)
        norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        assert ((one * other).sum(axis=1) / norms).mean() > 0.98


def test_at_step_0_the_score_is_the_prior(trained: Path) -> None:
    start = trained / START
    model = Along(load_bert(start), new_reasoner(Dataset(start / PREPARED / "toy"), RECIPE))
    windows = given(start)
    with torch.inference_mode():
        said = model(inputs_of(windows))
    assert len(windows) > 3
    for odds, one in zip(said.odds.numpy(), windows, strict=True):
        assert odds[: len(one.odds)].tobytes() == one.odds.tobytes()


def test_gradients_reach_every_part_of_the_base(trained: Path) -> None:
    start = trained / START
    data = Dataset(start / PREPARED / "toy")
    grown = []
    for checkpointing in (False, True):
        model = Along(load_bert(start, checkpointing=checkpointing), new_reasoner(data, RECIPE))
        torch.nn.init.ones_(model.reasoner.evidence.weight)
        model.train()
        model.reasoner.eval()  # without dropout both ways are the same
        model(inputs_of(given(start))).odds.square().sum().backward()
        grown.append({n: p.grad for n, p in model.base.named_parameters()})
    for name, gradient in grown[0].items():
        assert float(gradient.abs().max()) > 0, name
        assert torch.allclose(gradient, grown[1][name], rtol=1e-4, atol=1e-5), name


def test_the_base_learns_and_what_it_reads_afterwards_is_used(base: Path, trained: Path) -> None:
    before, after = load_bert(trained / START), load_bert(trained)
    moved = [
        float((one - other).detach().abs().max())
        for one, other in zip(before.parameters(), after.parameters(), strict=True)
    ]
    assert min(moved) > 0
    # Adam moves a weight by its rate a step at most, or little more.
    assert max(moved) < 2 * RECIPE.steps * RECIPE.base_rate
    assert (trained / MODEL).read_bytes() != (trained / START / MODEL).read_bytes()
    assert (trained / START / TENSORS).read_bytes() == (base / TENSORS).read_bytes()
    read = Base.load(trained)
    for one in given(trained):
        assert np.array_equal(unpack(pack(read.read(one.ids))), one.states)
    assert "-along-" in load_critic(trained).name


def test_without_a_rate_the_base_stays_as_it_is(
    base: Path, sets: Path, trained: Path, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, base_rate=0.0)
    with pytest.raises(OptionError, match="not exported yet"):
        train_critic(sets, base, tmp_path / "out", recipe, device="cpu")
    train_critic(sets, trained / START, tmp_path / "out", recipe, device="cpu")
    assert (tmp_path / "out" / MODEL).read_bytes() == (trained / START / MODEL).read_bytes()
    assert not (tmp_path / "out" / START).exists()
    assert not (tmp_path / "out" / TENSORS).exists()


class Killed(Exception):
    pass


def test_a_stopped_run_goes_on_bit_for_bit(sets: Path, trained: Path, tmp_path: Path) -> None:
    def kill(step: Step) -> None:
        if step.step == 18:
            raise Killed

    base, out = trained / START, tmp_path / "critic"
    with pytest.raises(Killed):
        train_critic(sets, base, out, RECIPE, device="cpu", progress=kill)
    torch.rand(3)  # the caller's random numbers are no part of it
    train_critic(sets, base, out, resume=True, device="cpu")
    assert read_losses(out) == read_losses(trained)
    for name in (TENSORS, WEIGHTS, MODEL):
        assert (out / name).read_bytes() == (trained / name).read_bytes(), name
    with pytest.raises(OptionError, match="another base"):
        train_critic(sets, trained, out, resume=True, device="cpu")


def test_the_exported_critic_agrees_with_torch(trained: Path, tmp_path: Path) -> None:
    export_reasoner(trained, tmp_path)
    assert (tmp_path / MODEL).read_bytes() == (trained / MODEL).read_bytes()
    one, other = load_critic(tmp_path), load_critic(trained)
    bounds = segment(STORY, format="text", granularity="sentence").passages
    windows = cut_windows(one.encode(STORY), bounds, size=one.window)
    guidance = Guidance.parse(query="Who took it?")
    found = [c.ask(guidance, windows)(windows, c.read(windows)) for c in (one, other)]
    tags = [np.concatenate([s.tags.argmax(axis=1) for s in scores]) for scores in found]  # type: ignore[union-attr]
    assert (tags[0] == tags[1]).mean() >= 0.99


def test_the_exported_base_leads_to_the_tags_that_torchs_leads_to(trained: Path) -> None:
    windows = given(trained)
    layers, _, _ = load_reasoner(trained, prior=Prior.load(trained / PRIOR.name).digest)
    inputs = inputs_of(windows)
    with torch.inference_mode():
        exact = Along(load_bert(trained), layers)(inputs).tags.argmax(-1)[inputs.window_mask]
        int8 = layers(inputs).tags.argmax(-1)[inputs.window_mask]
    assert (exact != TAGS.index("O")).sum() > 20
    assert (exact == int8).float().mean() >= 0.99


def test_layers_can_go_on_above_the_changed_base(trained: Path, sets: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=1, base_rate=0.0)
    train_critic(sets, trained, tmp_path / "settled", recipe, start=trained, device="cpu")
    assert (tmp_path / "settled" / MODEL).read_bytes() == (trained / MODEL).read_bytes()


def test_a_base_in_int8_alone_cannot_learn(base: Path, sets: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"base_rate: .* int8 alone; give --base a BERT's folder"):
        train_critic(sets, "minilm", tmp_path / "out", RECIPE, device="cpu")
    recipe = replace(RECIPE, learn="labels")
    with pytest.raises(OptionError, match="leave base_rate at 0"):
        train_critic(sets, base, tmp_path / "labels", recipe, start=tmp_path, device="cpu")


def test_a_broken_base_is_named(base: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(base, tmp_path / "base")
    (folder / TENSORS).write_bytes(b"123")
    with pytest.raises(WeightsError, match="no complete BERT can be read"):
        load_bert(folder)
