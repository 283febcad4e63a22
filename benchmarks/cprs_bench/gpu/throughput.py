"""Tokens per second of a shape, read our way (all of it, or fast), as the published loop does, and
by libraries alone.

Windows are full and of random tokens, behind a prompt of 200; what is counted are the windows'
tokens, from ids in the host's memory to tags there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cprs.critics.hybrid.asked import Prompt
from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.packing import Ids, Step
from cprs.critics.hybrid.pipeline import Pipeline
from cprs.critics.hybrid.precision import Fp8Linear, check_fp8
from cprs.critics.hybrid.sifting import sifted
from cprs.critics.hybrid.window import content
from cprs.effort import SHARE, likeliest
from cprs_bench.gpu.compiled import CompiledBatches
from cprs_bench.gpu.measure import device_of, measure, synchronize
from cprs_bench.gpu.published import PublishedLoop
from cprs_bench.gpu.record import Size, Tell
from cprs_bench.gpu.shapes import (
    SHAPES,
    operations,
    operations_of_two,
    random_model,
    with_probe,
)

PROMPT, LABELS, BATCH = 200, 2, 4
OURS, FAST, PUBLISHED, COMPILED = "ours", "fast", "published", "compiled"


@dataclass(frozen=True, slots=True)
class _Way:
    """`read` a prompt and windows of `length` tokens, as many of them as are a `multiple`."""

    read: Callable[[Ids, list[Ids]], object]
    length: int
    multiple: int = 1
    said: str = ""
    fast: bool = False


def throughput(
    tell: Tell, size: Size, *, shape: str, way: str, precision: str, which: slice | None = None
) -> None:
    """One way, in one precision, over all lengths, or `which` of them."""
    config, device = SHAPES[size.shape(shape)], device_of()
    prompt_length = 20 if size.tiny else PROMPT
    rng = np.random.default_rng(0)
    prompt = rng.integers(0, config.vocabulary, prompt_length).astype(np.int32)
    began = time.perf_counter()
    if way == FAST:
        config = with_probe(config)
    model = _model(config, device, way=way, precision=precision)
    synchronize(device)
    tell(what="model made", seconds=time.perf_counter() - began)
    with _open(model, way, prompt_length, tiny=size.tiny) as opened:
        began = time.perf_counter()
        warm = _windows(rng, config, opened, 1)
        opened.read(prompt, warm)
        synchronize(device)
        tell(what="first windows", seconds=time.perf_counter() - began)
        for tokens in size.tokens[which or slice(None)]:
            windows = _windows(rng, config, opened, tokens)
            found = measure(
                partial(opened.read, prompt, windows),
                device,
                times=2 if tokens <= size.tokens[0] else 1,
                warm=0,
            )
            lengths = [len(window) for window in windows]
            tell(
                wanted=tokens,
                tokens=sum(lengths),
                windows=len(windows),
                seconds=found.seconds,
                tokens_per_second=sum(lengths) / found.seconds,
                needed_tflops=_needed(config, lengths, prompt_length, fast=opened.fast)
                / found.seconds
                / 1e12,
                peak_gib=found.peak_gib,
                said=opened.said,
            )
        if way == OURS:
            _share_of_head(tell, model, prompt, _windows(rng, config, opened, 1)[0])


def _needed(config: HybridConfig, lengths: list[int], prompt: int, *, fast: bool) -> float:
    """Floating-point operations for windows of these lengths, all alike."""
    if not fast:
        return operations(config, lengths, prompt=prompt)
    return operations_of_two(config, lengths, [lengths[i] for i in _chosen(lengths)], prompt=prompt)


def _chosen(lengths: list[int], first: NDArray[np.float32] | None = None) -> list[int]:
    """The windows that `effort="fast"` reads; which of them does not matter to their number."""
    first = np.zeros(len(lengths), np.float32) if first is None else first
    room = math.ceil(SHARE * sum(lengths))
    return sorted(likeliest(first, np.array(lengths), room)[0].tolist())


def _fast(pipeline: Pipeline, prompt: Prompt, windows: list[Ids]) -> object:
    """All windows as far as the probe, the best sixth of them on to the heads."""
    lengths = [len(window) for window in windows]
    rows = pipeline.holding.take(math.ceil(SHARE * sum(lengths)))
    try:
        found = sifted(pipeline, prompt, windows, _any_judge, rows=rows)
        chosen = _chosen(lengths, found.first)
        return pipeline.read(prompt, [found.begun.get(i, windows[i]) for i in chosen])
    finally:
        pipeline.holding.give(rows)


def _any_judge(number: int, tags: NDArray[np.float32]) -> float:
    """One number of a window: what it is of random weights means nothing."""
    return float(tags[:, 0].max())


def _share_of_head(tell: Tell, model: HybridModel, prompt: Ids, window: Ids) -> None:
    """What part of a step the heads take."""
    with torch.inference_mode():
        prefix = Prompt(prompt).prefix(model)
        step = Step.of([window] * 4, prefix=len(prompt), device=model.device)
        rows = torch.arange(1 + LABELS)
        hidden = model.windows(step.ids, step.packed, prefix)
        layers = measure(lambda: model.windows(step.ids, step.packed, prefix), model.device)
        heads = measure(lambda: model.heads(hidden, rows), model.device)
    tell(what="heads", share=heads.seconds / (heads.seconds + layers.seconds))


def _model(config: HybridConfig, device: torch.device, *, way: str, precision: str) -> HybridModel:
    if precision == "fp8":
        check_fp8(device)
    on_cpu, half = device.type == "cpu", way == PUBLISHED
    dtype = torch.float32 if on_cpu else torch.float16 if half else torch.bfloat16
    more: dict[str, Any] = {"linear": Fp8Linear} if precision == "fp8" else {}
    return random_model(config, device=device, dtype=dtype, **more)


@contextmanager
def _open(model: HybridModel, way: str, prompt: int, *, tiny: bool) -> Iterator[_Way]:
    whole = model.config.window - prompt
    if way == PUBLISHED:
        yield _Way(PublishedLoop(model).read, whole, said=str(model.dtype).removeprefix("torch."))
    elif way == COMPILED:
        compiled = CompiledBatches(model, batch=2 if tiny else BATCH, compile=not tiny)
        yield _Way(compiled.read, whole, compiled.batch, compiled.attention)
    else:
        pipeline = Pipeline(model)
        rows = np.arange(1 + LABELS)

        def read(prompt: Ids, windows: list[Ids]) -> object:
            asked = Prompt(prompt, rows)
            return _fast(pipeline, asked, windows) if fast else pipeline.read(asked, windows)

        fast = way == FAST
        said = f"{pipeline.budget.tokens} a step"
        try:
            yield _Way(read, content(model.config.window), said=said, fast=fast)
        finally:
            pipeline.close()


def _windows(rng: np.random.Generator, config: HybridConfig, way: _Way, tokens: int) -> list[Ids]:
    """Full windows, of so many tokens together or a little more."""
    count = -(-tokens // (way.length * way.multiple)) * way.multiple
    made = rng.integers(0, config.vocabulary, (count, way.length)).astype(np.int32)
    return list(made)
