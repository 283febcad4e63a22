"""Runs a critic on the cores of this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from cprs.critics.base import Scorer, State, TokenCritic, TokenScores, reads_as
from cprs.engine.cache import StateCache, key_of
from cprs.engine.cores import cores
from cprs.windows import Window

__all__ = ["LocalEngine", "cores"]


class LocalEngine:
    """Reads and scores windows on `workers` threads, `batch` windows at a time.

    Results come in the order of the windows and are the same whatever `workers` and `batch` are.
    `cache` keeps what was read, so that further questions only score.
    """

    def __init__(
        self,
        critic: TokenCritic,
        *,
        workers: int | None = None,
        batch: int = 8,
        cache: StateCache | None = None,
    ) -> None:
        self.critic = critic
        self.workers = workers or cores()
        self.batch = batch
        self.cache = cache

    def run(
        self, windows: Sequence[Window], scorer: Scorer
    ) -> Generator[tuple[int, TokenScores], None, None]:
        """(index, scores) of every window, in order.

        At most two batches per worker are under way, so memory does not grow with the text.
        Closing the iterator stops within the batches that are running.
        """
        if self.cache is not None:
            self.cache.begin()
        starts = iter(range(0, len(windows), self.batch))
        waiting: deque[tuple[int, Future[list[TokenScores]]]] = deque()
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="cprs")
        try:
            while True:
                while len(waiting) < 2 * self.workers and (start := next(starts, None)) is not None:
                    part = windows[start : start + self.batch]
                    waiting.append((start, pool.submit(self._score, part, scorer)))
                if not waiting:
                    return
                start, future = waiting.popleft()
                yield from enumerate(future.result(), start)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _score(self, windows: Sequence[Window], scorer: Scorer) -> list[TokenScores]:
        return scorer(windows, read_states(self.critic, windows, self.cache))


def read_states(
    critic: TokenCritic, windows: Sequence[Window], cache: StateCache | None
) -> list[State]:
    """What `critic` reads of `windows`, as far as it is not in `cache`, which then has it."""
    if cache is None:
        return critic.read(windows)
    reads = reads_as(critic)
    keys = [key_of(reads, window) for window in windows]
    states = [cache.get(key) for key in keys]
    missing = [i for i, state in enumerate(states) if state is None]
    for i, state in zip(missing, critic.read([windows[i] for i in missing]), strict=True):
        cache.put(keys[i], state)
        states[i] = state
    return [state for state in states if state is not None]
