"""Windows of many requests on one model."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")
pytest.importorskip("safetensors", reason="needs cprs[torch]")

from cprs_kernels import Packed
from hybrid_folders import VOCABULARY, make_hybrid

from cprs.critics.hybrid.asked import Prompt
from cprs.critics.hybrid.checkpoint import Checkpoint
from cprs.critics.hybrid.memory import Budget
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.pipeline import Pipeline
from cprs.critics.hybrid.placement import place
from cprs.errors import Cancelled, CprsError

torch.set_num_threads(1)
RNG = np.random.default_rng(3)


def ids(count: int) -> Any:
    return RNG.integers(0, VOCABULARY, count).astype(np.int32)


@pytest.fixture(scope="module", params=["exact", "frozen"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HybridModel:
    folder = make_hybrid(tmp_path_factory.mktemp("hybrid"), prefix=request.param)
    checkpoint = Checkpoint.open(folder)
    return HybridModel.load(checkpoint, place(checkpoint.config), dtype=torch.float32)


@pytest.fixture
def pipeline(model: HybridModel) -> Iterator[Pipeline]:
    made = Pipeline(model, budget=Budget(120))
    yield made
    made.close()


def alone(model: HybridModel, prompt: Prompt, window: Any) -> tuple[Any, Any]:
    """One window read by itself."""
    with torch.inference_mode():
        packed = Packed.of([len(window)], prefix=len(prompt))
        tokens = torch.from_numpy(window.astype(np.int64))
        said = model.heads(model.windows(tokens, packed, prompt.prefix(model)), prompt.rows)
    return said.tags.numpy(), None if said.labels is None else said.labels.numpy()


def same(found: Any, wanted: Any) -> bool:
    return all(
        (a is None and b is None) or (a.shape == b.shape and np.abs(a - b).max(initial=0) < 1e-5)
        for a, b in zip(found, wanted, strict=True)
    )


def test_windows_come_back_in_order(pipeline: Pipeline, model: HybridModel) -> None:
    prompt = Prompt(ids(9), np.array([3, 5, 8]))
    windows = [ids(n) for n in (40, 1, 0, 90, 17, 40, 8)]
    found = pipeline.read(prompt, windows)
    assert [len(tags) for tags, _ in found] == [len(window) for window in windows]
    for window, one in zip(windows, found, strict=True):
        if len(window):
            assert same(one, alone(model, prompt, window))
    assert found[2][0].shape == (0, 4)
    assert found[2][1] is not None
    assert found[2][1].shape == (0, 3)
    assert 2 <= pipeline.steps <= 4


def test_requests_at_the_same_time_share_steps(pipeline: Pipeline, model: HybridModel) -> None:
    """Eight requests wait while a step is on its way; what comes next has windows of several."""
    prompts = [Prompt(ids(5 + i), np.array([i, 2]) if i % 2 else None) for i in range(8)]
    asked = [[ids(6 + i), ids(3)] for i in range(8)]
    held, go = threading.Event(), threading.Event()
    windows = model.windows

    def slow(*given: Any) -> Any:
        held.set()
        assert go.wait(20)
        return windows(*given)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(9) as pool:
        patch.setattr(model, "windows", slow)
        first = pool.submit(pipeline.read, prompts[0], [ids(4)])
        assert held.wait(20)
        futures = [pool.submit(pipeline.read, *one) for one in zip(prompts, asked, strict=True)]
        while len(pipeline._waiting) < 16:
            pass
        go.set()
        first.result(20)
        results = [future.result(20) for future in futures]
    for prompt, mine, found in zip(prompts, asked, results, strict=True):
        for window, one in zip(mine, found, strict=True):
            assert same(one, alone(model, prompt, window))
    # 16 windows, 260 tokens with their prompts, 120 in a step; a frozen prompt's are its own.
    assert pipeline.steps == (1 + 3 if model.config.prefix == "exact" else 1 + 8)


def test_memory_that_does_not_suffice_halves_steps(
    pipeline: Pipeline, model: HybridModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    windows = model.windows

    def scarce(tokens: Any, *more: Any) -> Any:
        sizes.append(len(tokens))
        if len(tokens) > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return windows(tokens, *more)

    monkeypatch.setattr(model, "windows", scarce)
    prompt = Prompt(ids(4))
    mine = [ids(15) for _ in range(12)]
    found = pipeline.read(prompt, mine)
    for window, one in zip(mine, found, strict=True):
        assert same(one, alone(model, prompt, window))
    assert max(sizes) > 40
    # Learnt for the steps behind.
    assert pipeline.budget.tokens <= 60
    assert max(sizes[-3:]) <= 40
    with pytest.raises(CprsError, match="one window"):
        pipeline.read(prompt, [ids(90)])
    assert same(pipeline.read(prompt, mine[:1])[0], alone(model, prompt, mine[0]))


def test_what_the_model_raises_is_raised_where_it_was_asked_for(
    pipeline: Pipeline, model: HybridModel
) -> None:
    with pytest.raises(ValueError, match="exceed the window"):
        pipeline.read(Prompt(ids(4)), [ids(3), ids(300)])
    assert len(pipeline.read(Prompt(ids(4)), [ids(3)])) == 1


def test_steps_are_started_on_the_models_own_gpu(
    model: HybridModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread begins on the first, and a graph of another's kernels would record nothing."""
    chosen: list[Any] = []

    def device_of(tensor: Any) -> nullcontext[None]:
        chosen.append(tensor)
        return nullcontext()

    monkeypatch.setattr(torch.cuda, "device_of", device_of)
    pipeline = Pipeline(model)
    pipeline.read(Prompt(ids(3)), [ids(2)])
    pipeline.close()
    assert [tensor is model.embed for tensor in chosen] == [True]


def test_a_closed_pipeline_says_so(model: HybridModel) -> None:
    pipeline = Pipeline(model)
    assert pipeline.read(Prompt(ids(3)), []) == []
    pipeline.close()
    with pytest.raises(Cancelled, match="closed"):
        pipeline.read(Prompt(ids(3)), [ids(2)])
