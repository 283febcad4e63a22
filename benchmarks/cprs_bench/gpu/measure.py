"""Time and memory on a device."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Measured:
    """`seconds` of the best of `times`, and the most memory in use meanwhile, in GiB (0: a CPU)."""

    seconds: float
    times: int
    peak_gib: float


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(
    work: Callable[[], object],
    device: torch.device,
    *,
    times: int = 3,
    warm: int = 1,
    seconds: float = 10.0,
) -> Measured:
    """The best of up to `times` runs of `work`, begun within `seconds`; `warm` runs before that do
    not count."""
    for _ in range(warm):
        work()
    synchronize(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    best, done, began = float("inf"), 0, time.perf_counter()
    while done == 0 or (done < times and time.perf_counter() - began < seconds):
        start = time.perf_counter()
        work()
        synchronize(device)
        best = min(best, time.perf_counter() - start)
        done += 1
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return Measured(best, done, peak / 2**30)


def device_of(name: str = "auto") -> torch.device:
    """The first GPU, or the CPU where there is none."""
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
