"""Runs jobs in threads: the event loop is never blocked, whatever their size."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from cprs import Compressor, Decoding
from cprs.critics import TokenCritic, decoding_of
from cprs.engine.cache import StateCache
from cprs.engine.shared import Load, Stop, Workers
from cprs.errors import BudgetError, Cancelled, CprsError, OptionError, TextError
from cprs_server.errors import ProxyError
from cprs_server.running.admission import Admission, Lane
from cprs_server.running.base import Done, Job
from cprs_server.running.critics import Counters, Critics

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """Jobs that `waiting` for a slot and `running` now, and the `workers` of the critics."""

    waiting: int
    running: int
    workers: Load


class Service:
    """A `Runner`: bounded, fair, with a deadline.

    `critics`: by name, what `cprs.critics.load_critic` takes or a critic. `workers`: threads that
    read and score, all cores by default; `batch`: windows that one of them takes at a time.
    `running`: long jobs at a time; short ones have slots of their own. `queue`: jobs that may wait.
    `deadline`: seconds that a request has when it does not say. For one event loop.
    """

    def __init__(
        self,
        *,
        critics: Mapping[str, str | TokenCritic] | None = None,
        workers: int | None = None,
        running: int | None = None,
        queue: int = 64,
        deadline: float | None = 120.0,
        batch: int = 8,
        cache: StateCache | None = None,
    ) -> None:
        self._workers = Workers(workers)
        known = {"embedded": "embedded"} if critics is None else critics
        self._critics = Critics(known, self._workers, batch=batch, cache=cache)
        self._counters = Counters()
        self._deadline = deadline
        self._admission = Admission(running=running or self._workers.count, queue=queue)
        slots = self._admission.long.slots + self._admission.short.slots
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="cprs-run")
        self._stops: set[Stop] = set()
        self._closed = False

    @property
    def status(self) -> Status:
        """What there is to do now."""
        admission = self._admission
        return Status(admission.waiting, admission.running, self._workers.load)

    async def warm(self, *critics: str) -> None:
        """Load critics now, all by default, so that no request has to wait for it.

        Raises `cprs.errors.CprsError` where one cannot be loaded.
        """
        loop = asyncio.get_running_loop()
        for name in critics or tuple(self._critics.known):
            await loop.run_in_executor(self._threads, self._critics.engine, name)

    def know(self, *critics: str) -> None:
        """Critics that jobs may name from now on, loaded when one does."""
        for name in critics:
            self._critics.know(name)

    async def run(self, job: Job, *, deadline: float | None = None) -> Done:
        """As `Runner.run`."""
        return (await self.run_all([job], deadline=deadline))[0]

    async def run_all(self, jobs: Sequence[Job], *, deadline: float | None = None) -> list[Done]:
        """As `Runner.run_all`. The first job that fails ends the others."""
        if self._closed:
            raise ProxyError(503, "the proxy is shutting down", code="shutting_down")
        if not jobs:
            return []
        for lane in {id(lane): lane for lane in map(self._lane, jobs)}.values():
            self._admission.check(lane)
        seconds = self._deadline if deadline is None else deadline
        try:
            return await asyncio.wait_for(self._together(jobs), seconds)
        except asyncio.TimeoutError:
            raise ProxyError(
                504,
                f"compression took longer than {seconds:g} s (limits.deadline) and was stopped",
                code="deadline",
            ) from None

    async def close(self, *, drain: float = 0.0) -> None:
        """Take no more jobs, give those that run `drain` seconds, and stop what is left then."""
        self._closed = True
        until = time.monotonic() + drain
        while (self.status.running or self.status.waiting) and time.monotonic() < until:
            await asyncio.sleep(0.02)
        for stop in list(self._stops):
            stop.set()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._workers.close)
        await loop.run_in_executor(None, self._threads.shutdown)

    def _lane(self, job: Job) -> Lane:
        return self._admission.lane(sum(map(len, job.texts)))

    async def _together(self, jobs: Sequence[Job]) -> list[Done]:
        tasks = [asyncio.ensure_future(self._one(job)) for job in jobs]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, job: Job) -> Done:
        lane, loop, asked = self._lane(job), asyncio.get_running_loop(), time.perf_counter()
        stop = Stop()

        def ended(future: Future[Done]) -> None:
            # A slot is free when the thread has ended, not when the client has stopped waiting.
            with suppress(RuntimeError):  # the loop may be gone by then
                loop.call_soon_threadsafe(leave)

        def leave() -> None:
            self._stops.discard(stop)
            self._admission.leave(lane)
            lane.took(time.perf_counter() - began)

        async with self._admission.queued(lane):
            began = time.perf_counter()
            self._stops.add(stop)
            future = self._threads.submit(self._work, job, stop, began - asked)
        future.add_done_callback(ended)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            stop.set()
            raise

    def _work(self, job: Job, stop: Stop, waited: float) -> Done:
        """In a thread."""
        try:
            return self._compress(job, stop, waited)
        except Cancelled as error:
            raise ProxyError(503, "the compression was stopped", code="stopped") from error
        except BudgetError as error:
            raise ProxyError(400, str(error), code="budget") from error
        except (OptionError, TextError) as error:
            raise ProxyError(400, str(error), code="invalid_option") from error
        except CprsError as error:
            _log.error("compression failed: %s", error)
            raise ProxyError(500, str(error), code="critic") from error
        except Exception as error:
            # Its message may quote the text: only its kind and place are logged.
            place = _place(error)
            _log.error("compression failed: %s at %s", type(error).__name__, place)
            raise ProxyError(
                500, "compression failed: a fault of the proxy", code="fault"
            ) from error

    def _compress(self, job: Job, stop: Stop, waited: float) -> Done:
        options = job.options
        engine = self._critics.engine(job.critic).until(stop)
        compressor = Compressor(engine=engine, target_model=self._counters.counter(job.tokenizer))
        found = compressor.compress_many(
            job.texts,
            query=job.query or None,
            instruction=options.instruction,
            budget=job.budget,
            ratio=options.ratio if job.budget is None else None,
            threshold=options.threshold,
            granularity=options.granularity,
            formats=job.formats or None,
            filenames=[name or None for name in job.names] or None,
            hops=options.hops,
            effort=options.effort,
            decode=_decoding(job, engine.critic),
            cancel=stop,
        )
        return Done(
            texts=found.documents,
            spans=found.spans,
            tokens_in=found.tokens_in,
            tokens_out=found.tokens_out,
            seconds=found.seconds,
            waited=waited,
            critic=found.critic,
            timings=dict(found.timings),
            warnings=found.warnings,
            decoded=found.decoded,
        )


def _decoding(job: Job, critic: TokenCritic) -> Decoding | None:
    """How tags are decoded: as the job says, where the critic has them decide at all and there is
    no limit that does."""
    options = job.options
    limited = not (job.budget is options.ratio is options.threshold is None)
    return None if limited or decoding_of(critic) is None else job.decoding


def _place(error: BaseException) -> str:
    """File and line that an error comes from."""
    trace, last = error.__traceback__, ""
    while trace is not None:
        last = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return last
