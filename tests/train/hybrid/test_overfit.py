"""A tiny random hybrid learns one batch by heart, whatever it is trained with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("transformers", reason="needs cprs[train]")

from hybrid_training import RECIPE as TOY
from hybrids import make_base, write_sets

from cprs.critics.hybrid.tokens import load_tokens
from cprs.critics.lexical import LexicalCritic
from cprs.train.hybrid.batches import prepare
from cprs.train.hybrid.collate import inputs_of
from cprs.train.hybrid.dataset import Dataset
from cprs.train.hybrid.learner import learner, learnt
from cprs.train.hybrid.train import PRETRAINED
from cprs.train.reason.collate import goals_of
from cprs.train.reason.corpus import contexts_of, shards
from cprs.train.reason.loop import fit

torch.set_num_threads(1)
RECIPE = replace(
    TOY,
    held_out=0.0,
    queries=2,
    hard_windows=1,
    steps=40,
    warmup=0.1,
    precision="float32",
    smoothing=0.0,
    labels=0.0,
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        family: make_base(tmp_path_factory.mktemp(family), layers=2, family=family)
        for family in ("Qwen2", "Qwen3")
    }


@pytest.fixture(scope="module")
def batch(bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two of the toy sets' questions, asked at every step."""
    sets = tmp_path_factory.mktemp("sets")
    write_sets(sets, "train")
    contexts = [c for s in shards(sets / "train", RECIPE) for c in contexts_of(s, [], RECIPE)]
    out = tmp_path_factory.mktemp("data")
    tokens = load_tokens(bases["Qwen2"])
    return prepare(contexts, tokens, LexicalCritic(), RECIPE, out, base="toy")


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("Qwen2", {"precision": "bfloat16", "prefix": "exact"}),
        ("Qwen2", {"lora_rank": 8, "lora_alpha": 32.0, "precision": "bfloat16", "probe": 1.0}),
        ("Qwen3", {"gradient_checkpointing": True, "probe": 1.0}),
    ],
    ids=["bfloat16", "adapters", "Qwen3-checkpointing"],
)
def test_a_batch_is_learnt_by_heart(
    bases: dict[str, Path], batch: Dataset, tmp_path: Path, family: str, changes: dict[str, object]
) -> None:
    if "lora_rank" in changes:
        pytest.importorskip("peft", reason="needs cprs[lora]")
    recipe = replace(RECIPE, **changes)  # type: ignore[arg-type]
    model = learner(bases[family], recipe, CPU)
    losses = fit(model, batch, recipe, tmp_path, inputs=inputs_of, base=PRETRAINED)
    assert losses[-1] < 0.1 * losses[0]
    model = learnt(bases[family], recipe, tmp_path).eval()
    samples = [batch[number] for number in range(len(batch))]
    goals = goals_of(samples)
    with torch.no_grad():
        said = model(inputs_of([sample.given for sample in samples]))
    judged = goals.weight > 0
    wrong = (said.odds.sigmoid() - goals.target).abs()[judged]
    assert bool((goals.target[judged] > 0).any())
    assert float(wrong.max()) < 0.2
    right = (said.tags.argmax(-1) == goals.tags)[goals.token_weight > 0]
    assert float(right.float().mean()) > 0.97
    assert np.isfinite(losses).all()
    assert (said.probe is not None) == ("probe" in changes)
    if said.probe is not None:
        # Behind one causal layer: enough to tell which window is in question.
        for question in goals.group.unique():
            own = (goals.group == question)[:, None] & judged
            best = said.probe.masked_fill(~own, -1e9).argmax()
            assert float(goals.target.flatten()[best]) > 0
