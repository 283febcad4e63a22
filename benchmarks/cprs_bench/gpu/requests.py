"""Short requests: how long one takes, and how many go through together."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from cprs.critics.hybrid.asked import Prompt
from cprs.critics.hybrid.graphs import Graphs
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.pipeline import Pipeline
from cprs_bench.gpu.measure import device_of
from cprs_bench.gpu.record import Size, Tell
from cprs_bench.gpu.shapes import SHAPES, random_model


def requests(tell: Tell, size: Size, *, shape: str) -> None:
    """One request of a short window at a time, plain and by CUDA graphs; then many at once, each
    under a prompt of its own."""
    config, device = SHAPES[size.shape(shape)], device_of()
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    model = random_model(config, device=device, dtype=dtype)
    ways: dict[str, Graphs | None] = {"plain": None}
    if device.type == "cuda":
        ways["CUDA graphs"] = Graphs(model)
    for name, graphs in ways.items():
        for tokens in (30, 60) if size.tiny else (200, 1000, 3000):
            seconds = _one_by_one(model, graphs, tokens, rounds=3 if size.tiny else 20)
            tell(what="one request", way=name, request_tokens=tokens, milliseconds=1e3 * seconds)
    tokens, count = (60, 8) if size.tiny else (2000, 64)
    for together in (1, count):
        seconds = _at_once(model, tokens, count, together)
        tell(
            what=f"{count} requests, {together} at once",
            way="plain",
            request_tokens=tokens,
            requests_per_second=count / seconds,
        )


def _one_by_one(model: HybridModel, graphs: Graphs | None, tokens: int, *, rounds: int) -> float:
    """The median of seconds."""
    rng = np.random.default_rng(0)
    pipeline = Pipeline(model, graphs=graphs)
    found = []
    try:
        for _ in range(rounds + 3):
            # As a request does that asks what none did before.
            prompt = Prompt(rng.integers(0, model.config.vocabulary, 30).astype(np.int32))
            window = rng.integers(0, model.config.vocabulary, tokens).astype(np.int32)
            began = time.perf_counter()
            pipeline.read(prompt, [window])
            found.append(time.perf_counter() - began)
    finally:
        pipeline.close()
    return float(np.median(found[3:]))


def _at_once(model: HybridModel, tokens: int, count: int, together: int) -> float:
    """Seconds for `count` requests, so many `together`."""
    rng = np.random.default_rng(0)
    windows = rng.integers(0, model.config.vocabulary, (count, tokens)).astype(np.int32)
    prompts = rng.integers(0, model.config.vocabulary, (count, 30)).astype(np.int32)
    pipeline = Pipeline(model)

    def one(i: int) -> None:
        pipeline.read(Prompt(prompts[i]), [windows[i]])

    try:
        with ThreadPoolExecutor(together) as pool:
            for _ in range(2):  # the first is a warm run
                began = time.perf_counter()
                list(pool.map(one, range(count)))
                seconds = time.perf_counter() - began
    finally:
        pipeline.close()
    return seconds
