"""Checking what a case's contenders return, and timing those that are right."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch
from cprs_kernels.fp8 import Quantised
from cprs_kernels.head import Heads

from cprs_bench.kernel_cases.case import Case

_LAP = 30.0
"""Milliseconds of one contender in one round, about."""


@dataclass(frozen=True, slots=True)
class Row:
    """One contender in one case.

    `milliseconds`: median of the runs, `spread`: slowest round over quickest, `behind`: times ours
    in the same rounds. `rate` in `unit`, of
    what must be moved or computed. `error`: norm of the difference from float32 by norm. `memory`:
    megabytes beyond inputs at the peak. `problem`: why it was not timed; then the figures are None.
    """

    kernel: str
    shape: str
    about: str
    contender: str
    milliseconds: float | None = None
    spread: float | None = None
    behind: float | None = None
    rate: float | None = None
    unit: str = ""
    error: float | None = None
    memory: float | None = None
    problem: str | None = None


class Clock:
    """Times runs on a device, and knows when the time for all of it is up."""

    def __init__(self, device: torch.device, *, seconds: float, rounds: int) -> None:
        self.device = device
        self.rounds = rounds
        self._end = time.monotonic() + seconds

    def is_up(self) -> bool:
        """Whether to begin nothing more."""
        return time.monotonic() > self._end

    def times(self, run: Any, inputs: tuple[Any, ...]) -> list[float]:
        """Milliseconds of each of a lap's runs."""
        if self.device.type != "cuda":
            start = time.perf_counter()
            run(*inputs)
            return [1e3 * (time.perf_counter() - start)]
        # Larger than any cache: each run finds it cold.
        flush = torch.empty(256 << 20, dtype=torch.int8, device=self.device)
        once = self._once(run, inputs, flush, 2)[-1]
        return self._once(run, inputs, flush, min(200, max(3, int(_LAP / once))))

    def _once(self, run: Any, inputs: tuple[Any, ...], flush: Any, times: int) -> list[float]:
        events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(times)]
        for begin, end in events:
            flush.zero_()
            begin.record()
            run(*inputs)
            end.record()
        torch.cuda.synchronize(self.device)
        return [max(1e-4, begin.elapsed_time(end)) for begin, end in events]


def measure(case: Case, clock: Clock, *, built: bool = False) -> list[Row]:
    """Check all contenders, then time those that are right, in turn. `built`: only those that
    torch.compile builds, and ours again beside them."""
    contenders, ours = case.contenders, next(iter(case.contenders))
    if built:
        contenders = {ours: case.contenders[ours]} | case.built
    rows = {name: Row(case.kernel, case.shape, case.about, name) for name in contenders}
    if clock.is_up():
        return [replace(row, problem="no time left") for row in rows.values()][built:]
    torch.manual_seed(0)
    # Too little memory for one shape leaves the others to be measured.
    try:
        inputs = case.make()
        exact = tensors(case.exact(*inputs))
    except RuntimeError as error:
        return [replace(row, problem=_said(error)) for row in rows.values()][built:]
    for name, run in contenders.items():
        rows[name] = _check(rows[name], case, run, inputs, exact, clock)
    del exact
    laps: dict[str, list[float]] = {n: [] for n, row in rows.items() if row.problem is None}
    for number in range(clock.rounds):
        # Who runs after whom changes, so that nobody always gets the warm machine.
        for name in list(laps)[:: 1 if number % 2 == 0 else -1]:
            if not laps[name] or not clock.is_up():
                laps[name].append(median(clock.times(contenders[name], inputs)))
    for name, times in laps.items():
        rows[name] = _timed(rows[name], case, times, laps.get(ours))
    return list(rows.values())[built:]


def _check(
    row: Row, case: Case, run: Any, inputs: tuple[Any, ...], exact: list[torch.Tensor], clock: Clock
) -> Row:
    """Run once, on inputs of its own since it may change them, and compare."""
    if clock.is_up():
        return replace(row, problem="no time left")
    gpu = clock.device.type == "cuda"
    given = tuple(x.clone() if isinstance(x, torch.Tensor) else x for x in inputs)
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(clock.device)
    before = torch.cuda.memory_allocated(clock.device) if gpu else 0
    try:
        made = tensors(run(*given))
    except Exception as error:  # noqa: BLE001 - what keeps a rival from running is told
        return replace(row, problem=_said(error))
    memory = (torch.cuda.max_memory_allocated(clock.device) - before) / 1e6 if gpu else None
    wrong = max(apart(a[: len(b)], b) for a, b in zip(made, exact, strict=True))
    if not wrong <= case.within:
        return replace(row, error=wrong, problem=f"wrong by {wrong:.2g}")
    return replace(row, error=wrong, memory=memory)


def _said(error: Exception) -> str:
    first, *_ = [*str(error).strip().splitlines(), ""]
    return f"{type(error).__name__}: {first}"[:200]


def _timed(row: Row, case: Case, times: list[float], ours: list[float] | None) -> Row:
    work, unit = (case.flops / 1e9, "TFLOP/s") if case.flops else (case.bytes / 1e6, "GB/s")
    return replace(
        row,
        milliseconds=median(times),
        spread=max(times) / min(times),
        behind=median(times) / median(ours) if ours else None,
        rate=work / median(times),
        unit=unit,
    )


def apart(made: torch.Tensor, exact: torch.Tensor) -> float:
    """The norm of the difference by the norm; infinite for other shapes."""
    if made.shape != exact.shape:
        return float("inf")
    exact = exact.float()
    wrong = float((made.float() - exact).norm())
    return wrong / (float(exact.norm()) or 1.0) if wrong else 0.0


def tensors(made: Any) -> list[torch.Tensor]:
    """What a contender returned, one after another; quantised tensors as what they stand for."""
    if isinstance(made, Quantised):
        return [made.dequantised()]
    if isinstance(made, Heads):
        return [x for x in (made.tags, made.labels) if x is not None]
    if isinstance(made, tuple):
        return [tensor for part in made for tensor in tensors(part)]
    return [made]
