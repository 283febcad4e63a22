"""The packed forward pass against an independent one in float64."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")
pytest.importorskip("safetensors", reason="needs cprs[torch]")

import hybrid_reference as reference
from cprs_kernels import Packed
from hybrid_folders import VOCABULARY, make_hybrid

from cprs.critics.hybrid.checkpoint import Checkpoint
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.placement import place

torch.set_num_threads(1)
LENGTHS = (17, 1, 33)
SHAPES: dict[str, dict[str, Any]] = {
    "published": {},
    "one head of keys": {"key_heads": 1},
    "as many keys as queries": {"key_heads": 4},
    "seven to one": {"heads": 7, "key_heads": 1, "head_width": 4},
    "qwen3": {"family": "qwen3"},
    "qwen3, wide heads": {"family": "qwen3", "heads": 6, "key_heads": 3, "head_width": 16},
    "tied": {"tied": True},
    "both ways from the first layer": {"bidirectional_from": 0},
    "the last layer alone both ways": {"bidirectional_from": 3},
    "causal throughout": {"bidirectional_from": 4},
    "fast turns": {"rope_theta": 50.0},
}


def load(folder: Path, dtype: Any = torch.float32) -> HybridModel:
    checkpoint = Checkpoint.open(folder)
    return HybridModel.load(checkpoint, place(checkpoint.config), dtype=dtype)


def tokens(seed: int, count: int) -> list[int]:
    found: list[int] = np.random.default_rng(seed).integers(0, VOCABULARY, count).tolist()
    return found


def read(
    model: HybridModel, prompt: list[int], windows: list[list[int]], rows: list[int]
) -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    """Tags and labels of each of several windows, packed."""
    lengths = [len(window) for window in windows]
    with torch.inference_mode():
        prefix = model.prefix(torch.tensor(prompt, dtype=torch.int64))
        packed = Packed.of(lengths, prefix=len(prompt))
        flat = torch.tensor([i for window in windows for i in window], dtype=torch.int64)
        found = model.heads(model.windows(flat, packed, prefix), torch.tensor(rows))
    assert found.labels is not None
    ends = np.cumsum(lengths)[:-1]
    return np.split(found.tags.numpy(), ends), np.split(found.labels.numpy(), ends)


@pytest.mark.parametrize("prefix", ["exact", "frozen"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_tag_and_score_is_the_references(tmp_path: Path, shape: str, prefix: str) -> None:
    folder = make_hybrid(tmp_path, prefix=prefix, **SHAPES[shape])
    model, rows = load(folder), [5, 9, 300]
    for length in (5, 41):  # shorter than the windows, longer than all of them
        prompt = tokens(length, length)
        windows = [tokens(seed, n) for seed, n in enumerate(LENGTHS)]
        tags, labels = read(model, prompt, windows, rows)
        for window, tag, label in zip(windows, tags, labels, strict=True):
            said = reference.read(folder, prompt, window)
            assert (tag.argmax(1) == said.tags.argmax(1)).all()
            assert np.abs(tag - said.probabilities).max() < 1e-5
            assert said.words is not None
            assert np.abs(label - reference.softmax(said.words[:, rows])).max() < 1e-5


@pytest.mark.parametrize("prefix", ["exact", "frozen"])
@pytest.mark.parametrize("family", ["qwen2", "qwen3"])
def test_half_precision_says_the_same(tmp_path: Path, family: str, prefix: str) -> None:
    folder = make_hybrid(tmp_path, family=family, prefix=prefix, dtype="bfloat16", shards=3)
    prompt, windows = tokens(1, 31), [tokens(seed, n) for seed, n in enumerate(LENGTHS)]
    tags, _ = read(load(folder, torch.bfloat16), prompt, windows, [1, 2])
    for window, tag in zip(windows, tags, strict=True):
        expected = reference.read(folder, prompt, window).probabilities
        assert np.abs(tag - expected).max() < 1e-2
        best = np.sort(expected, axis=1)
        clear = best[:, -1] - best[:, -2] > 2e-2
        assert (tag.argmax(1) == expected.argmax(1))[clear].all()
