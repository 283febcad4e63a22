"""What is run for a plan, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cprs import Decoding
from cprs.assemble import Span
from cprs_server.planning.base import Options


@dataclass(frozen=True, slots=True)
class Job:
    """Texts to compress together under one query; `budget` tokens for all, as `tokenizer` counts,
    or None where `options.ratio` or `options.threshold` decides; `formats`, `names`: one per text;
    `critic`: by the name that the configuration knows it by. `tokenizer` "": the critic's own.
    `decoding`: how a critic's tags become spans, where they and nothing else decide.
    """

    texts: tuple[str, ...]
    query: str
    options: Options
    tokenizer: str
    budget: int | None = None
    formats: tuple[str | None, ...] = ()
    names: tuple[str, ...] = ()
    critic: str = "embedded"
    decoding: Decoding | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The kept part of each text, and the kept spans (offsets into those texts); tokens as the
    job counts; `seconds` of work, `waited` in the queue; the `critic`; `warnings` of the run;
    `decoded`: the spans as its tags were decoded, where they decided."""

    texts: tuple[str, ...]
    spans: tuple[Span, ...]
    tokens_in: int
    tokens_out: int
    seconds: float
    waited: float
    critic: str
    timings: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    decoded: tuple[Span, ...] | None = None


class Runner(Protocol):
    """Runs jobs. Cancelling the task that awaits stops the work within one batch."""

    async def run(self, job: Job, *, deadline: float | None = None) -> Done:
        """Raises `ProxyError`: 429 with `Retry-After` when the queue is full, 504 when `deadline`
        (seconds from now) passes, 400 for options that make no sense, 500 for a fault of ours."""
        ...

    async def run_all(self, jobs: Sequence[Job], *, deadline: float | None = None) -> list[Done]:
        """Several jobs of one request, under one deadline."""
        ...
