"""One pool of workers for many runs at once, so that a short run need not wait for a long one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field

from cprs.critics.base import Scorer, TokenCritic, TokenScores
from cprs.engine.cache import StateCache
from cprs.engine.cores import cores
from cprs.engine.local import read_states
from cprs.errors import Cancelled
from cprs.windows import Window

PATIENCE = 16
"""A run that was passed over this many times in a row takes its turn, however long it is."""

AHEAD = 32
"""Batches of a run that wait or run at most, unless there are more workers. A run of so many is
handed over whole, so that its next batch is there whenever a worker is free."""

Batch = list[TokenScores]


class Stop(threading.Event):
    """An event that wakes what waits elsewhere: `set` calls back whoever watches."""

    def __init__(self) -> None:
        super().__init__()
        self._watchers: list[Callable[[], None]] = []
        self._guard = threading.Lock()

    def set(self) -> None:
        """Set, and call every watcher once."""
        with self._guard:
            super().set()
            watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` when this is set, at once if it is."""
        with self._guard:
            if not self.is_set():
                self._watchers.append(watcher)
                return
        watcher()

    def forget(self, watcher: Callable[[], None]) -> None:
        """Call it no longer."""
        with self._guard, suppress(ValueError):
            self._watchers.remove(watcher)


@dataclass(frozen=True, slots=True)
class Load:
    """What a pool has on its hands: `runs` under way, batches `waiting` for a worker, and since
    the start `batches` done with `windows` in them; `fill` is the mean share of a batch used."""

    runs: int
    waiting: int
    batches: int
    windows: int
    fill: float


@dataclass(eq=False, slots=True)
class _Line:
    """One run's batches that wait for a worker. `size`: the smaller, the sooner; `passed`: times
    in a row that another's batch was taken though one of these waited."""

    size: int
    served: int = 0
    passed: int = 0
    waiting: deque[tuple[Future[Batch], Callable[[], Batch]]] = field(default_factory=deque)


class Workers:
    """Threads that work for many runs, whatever their critics.

    A free worker takes a batch of the shortest run, runs counting as equally long within a factor
    of four; among equals they take turns. So a run of 10K tokens waits for no more of one of 2M
    than what the workers have in hand. A run passed over `PATIENCE` times in a row takes its turn
    whatever its length.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count or cores()
        self._threads = ThreadPoolExecutor(self.count, thread_name_prefix="cprs-shared")
        self._lines: list[_Line] = []
        self._lock = threading.Lock()
        self._turn = self._batches = self._windows = self._room = 0

    @property
    def load(self) -> Load:
        """What there is to do now."""
        with self._lock:
            return Load(
                runs=len(self._lines),
                waiting=sum(len(line.waiting) for line in self._lines),
                batches=self._batches,
                windows=self._windows,
                fill=self._windows / self._room if self._room else 0.0,
            )

    def close(self) -> None:
        """End the threads once what is under way is done; runs that are not are cancelled."""
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            self._shut(line)
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _open(self, tokens: int) -> _Line:
        line = _Line(size=max(0, tokens).bit_length() // 2)
        with self._lock:
            self._lines.append(line)
        return line

    def _shut(self, line: _Line) -> None:
        with self._lock:
            if line in self._lines:
                self._lines.remove(line)
            waiting = [future for future, _ in line.waiting]
            line.waiting.clear()
        for future in waiting:
            if future.cancel():
                future.set_running_or_notify_cancel()

    def _submit(self, line: _Line, call: Callable[[], Batch]) -> Future[Batch]:
        future: Future[Batch] = Future()
        with self._lock:
            line.waiting.append((future, call))
        try:
            # A ticket: whoever draws it works for the line whose turn it then is.
            self._threads.submit(self._work)
        except RuntimeError:
            raise Cancelled("cancelled: the workers have been closed") from None
        return future

    def _count(self, windows: int, room: int) -> None:
        with self._lock:
            self._batches += 1
            self._windows += windows
            self._room += room

    def _work(self) -> None:
        with self._lock:
            line = self._next()
            if line is None:
                return
            future, call = line.waiting.popleft()
        if not future.set_running_or_notify_cancel():
            return
        try:
            found = call()
        except BaseException as error:  # noqa: BLE001  # raised where the result is asked for
            future.set_exception(error)
        else:
            future.set_result(found)

    def _next(self) -> _Line | None:
        ready = [line for line in self._lines if line.waiting]
        if not ready:
            return None
        late = [line for line in ready if line.passed >= PATIENCE]
        chosen = min(late or ready, key=lambda line: (0 if late else line.size, line.served))
        for line in ready:
            line.passed += 1
        self._turn += 1
        chosen.passed, chosen.served = 0, self._turn
        return chosen


class SharedEngine:
    """`LocalEngine` on workers that other runs, and engines of other critics, use too.

    `run` may be called from many threads at once. Results are the same bytes as `LocalEngine`'s.
    `stop`: once set, every run of this engine raises `Cancelled` within one batch.
    """

    def __init__(
        self,
        critic: TokenCritic,
        workers: Workers,
        *,
        batch: int = 8,
        cache: StateCache | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.critic = critic
        self.workers = workers
        self.batch = batch
        self.cache = cache
        self.stop = stop or Stop()

    def until(self, stop: Stop) -> SharedEngine:
        """The same engine for one caller, who ends it by `stop`."""
        return SharedEngine(
            self.critic, self.workers, batch=self.batch, cache=self.cache, stop=stop
        )

    def run(
        self, windows: Sequence[Window], scorer: Scorer
    ) -> Generator[tuple[int, TokenScores], None, None]:
        """(index, scores) of every window, in order.

        At most `AHEAD` batches wait or run (two per worker, if that is more), so memory does not
        grow with the text. Closing the iterator stops within the batches that are running. Raises
        `Cancelled`.
        """
        if self.cache is not None:
            self.cache.begin()
        starts = iter(range(0, len(windows), self.batch))
        under_way: deque[tuple[int, Future[Batch]]] = deque()
        line = self.workers._open(sum(map(len, windows)))
        most = max(AHEAD, 2 * self.workers.count)

        def end() -> None:
            self.workers._shut(line)

        self.stop.watch(end)
        try:
            while True:
                while len(under_way) < most and (start := next(starts, None)) is not None:
                    call = self._batch(windows[start : start + self.batch], scorer)
                    under_way.append((start, self.workers._submit(line, call)))
                if self.stop.is_set():
                    raise Cancelled("cancelled: nothing was kept")
                if not under_way:
                    return
                start, future = under_way.popleft()
                try:
                    found = future.result()
                except CancelledError:
                    raise Cancelled("cancelled: nothing was kept") from None
                yield from enumerate(found, start)
        finally:
            self.stop.forget(end)
            end()
            wait([future for _, future in under_way])

    def _batch(self, windows: Sequence[Window], scorer: Scorer) -> Callable[[], Batch]:
        def work() -> Batch:
            self.workers._count(len(windows), self.batch)
            return scorer(windows, read_states(self.critic, windows, self.cache))

        return work
