"""Small steps that are recorded once and replayed."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")
pytest.importorskip("safetensors", reason="needs cprs[torch]")

from hybrid_folders import VOCABULARY, make_hybrid

from cprs.critics.hybrid.asked import Prompt
from cprs.critics.hybrid.checkpoint import Checkpoint
from cprs.critics.hybrid.graphs import WINDOWS, Graphs
from cprs.critics.hybrid.memory import Budget
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.pipeline import Pipeline
from cprs.critics.hybrid.placement import place

torch.set_num_threads(1)
RNG = np.random.default_rng(5)


class Recorder:
    """Stands for the GPU's recording: runs again what was recorded, into the same tensor."""

    def __init__(self) -> None:
        self.made = 0
        self.replays = 0

    def __call__(self, run: Callable[[], Any]) -> Callable[[], Any]:
        self.made += 1
        out = run()

        def replay() -> Any:
            self.replays += 1
            return out.copy_(run())

        return replay


def ids(count: int) -> Any:
    return RNG.integers(0, VOCABULARY, count).astype(np.int32)


def model_of(folder: Path, **options: Any) -> HybridModel:
    checkpoint = Checkpoint.open(make_hybrid(folder, **options))
    return HybridModel.load(checkpoint, place(checkpoint.config), dtype=torch.float32)


def test_replays_say_what_the_model_says(tmp_path: Path) -> None:
    model, record = model_of(tmp_path), Recorder()
    graphs = Graphs(model, sizes=(32, 64, 128, 512), record=record)
    assert graphs.sizes == [32, 64, 128]  # no longer than the model's window
    small = Pipeline(model, budget=Budget(200), graphs=graphs)
    plain = Pipeline(model, budget=Budget(200))
    prompt, other = Prompt(ids(7), np.array([1, 2])), Prompt(ids(11))
    try:
        for asked, lengths in (
            (prompt, (20,)),
            (prompt, (3, 9)),
            (other, (30, 1, 4)),
            (prompt, (20,)),
            (other, (100,)),
            (other, (180,)),  # too long for a recorded one
            (prompt, (2,) * (WINDOWS + 1)),  # too many windows
        ):
            windows = [ids(n) for n in lengths]
            for a, b in zip(small.read(asked, windows), plain.read(asked, windows), strict=True):
                assert np.abs(a[0] - b[0]).max() < 1e-5
                assert (a[1] is None) == (b[1] is None)
                assert a[1] is None or b[1] is None or np.abs(a[1] - b[1]).max() < 1e-5
    finally:
        small.close()
        plain.close()
    assert (record.made, record.replays) == (2, 5)


def test_a_frozen_prompt_cannot_be_carried(tmp_path: Path) -> None:
    graphs = Graphs(model_of(tmp_path, prefix="frozen"), record=Recorder())
    assert not graphs.fits(10, 1)


def test_a_cpu_has_no_graphs(tmp_path: Path) -> None:
    from cprs.critics.hybrid.critic import HybridCritic
    from cprs.errors import OptionError

    with pytest.raises(OptionError, match="graphs"):
        HybridCritic.load(make_hybrid(tmp_path), graphs=True)
