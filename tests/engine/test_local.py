from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.base import State, TokenScores
from cprs.engine.cache import StateCache
from cprs.engine.local import LocalEngine
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window


def make_windows(count: int, length: int = 4) -> list[Window]:
    ids = np.arange(count * length, dtype=np.int32)
    offsets = np.stack([ids, ids + 1], axis=1).astype(np.int64)
    return [
        Window(
            start=i * length,
            end=(i + 1) * length,
            token_ids=ids[i * length : (i + 1) * length],
            offsets=offsets[i * length : (i + 1) * length],
            units=np.array([[0, length]], np.int64),
        )
        for i in range(count)
    ]


@dataclass
class Reader:
    """A critic whose states are its windows' ids halved; it counts and can be slow or fail."""

    name: str = "reader"
    window: int = 4
    threshold: float = 0.5
    delay: float = 0.0
    fails_at: int = -1
    read_windows: list[int] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def encode(self, text: str) -> Encoded:
        raise NotImplementedError

    def read(self, windows: Sequence[Window]) -> list[State]:
        if not windows:
            return []
        with self.lock:
            self.read_windows += [window.start for window in windows]
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        time.sleep(self.delay)
        with self.lock:
            self.under_way -= 1
        if any(window.start == self.fails_at for window in windows):
            raise ArithmeticError("cannot read this")
        return [(window.token_ids.astype(np.float32) / 2,) for window in windows]

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Doubler:
        return Doubler()


class Doubler:
    warnings: tuple[str, ...] = ()

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        assert len(windows) == len(states)
        return [TokenScores(state[0] * 2) for state in states]


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("cprs")}


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(0, 40),
    workers=st.integers(1, 5),
    batch=st.integers(1, 9),
    cached=st.booleans(),
)
def test_results_come_in_order_whatever_the_workers(
    count: int, workers: int, batch: int, cached: bool
) -> None:
    critic = Reader()
    windows = make_windows(count)
    engine = LocalEngine(
        critic, workers=workers, batch=batch, cache=StateCache() if cached else None
    )
    for _ in range(2):
        found = list(engine.run(windows, Doubler()))
        assert [number for number, _ in found] == list(range(count))
        for number, scores in found:
            assert scores.keep.tolist() == windows[number].token_ids.tolist()
    assert len(critic.read_windows) == count * (1 if cached else 2)
    assert not threads()


def test_a_second_question_reads_nothing() -> None:
    critic = Reader()
    engine = LocalEngine(critic, workers=2, cache=StateCache())
    windows = make_windows(50)
    first = [scores.keep.tobytes() for _, scores in engine.run(windows, Doubler())]
    again = [scores.keep.tobytes() for _, scores in engine.run(windows, Doubler())]
    assert first == again
    assert sorted(critic.read_windows) == [window.start for window in windows]
    grown = make_windows(53)
    list(engine.run(grown, Doubler()))
    assert len(critic.read_windows) == 53


def test_work_under_way_is_bounded() -> None:
    critic = Reader(delay=0.002)
    run = LocalEngine(critic, workers=3, batch=2).run(make_windows(200), Doubler())
    next(run)
    time.sleep(0.1)
    # Nobody takes results, so reading stops: two batches per worker, and the one just taken.
    assert len(critic.read_windows) <= 2 * (2 * 3 + 1)
    list(run)
    assert critic.most_under_way <= 3


def test_closing_stops_within_a_batch() -> None:
    critic = Reader(delay=0.01)
    run = LocalEngine(critic, workers=2, batch=4).run(make_windows(4000), Doubler())
    next(run)
    run.close()
    read = len(critic.read_windows)
    assert read <= 4 * (2 * 2 + 1)
    assert not threads()
    time.sleep(0.05)
    assert len(critic.read_windows) == read


def test_an_iterator_never_started_starts_nothing() -> None:
    critic = Reader()
    LocalEngine(critic).run(make_windows(9), Doubler()).close()
    assert critic.read_windows == []


def test_an_error_is_raised_once_and_ends_the_run() -> None:
    critic = Reader(fails_at=make_windows(20)[10].start)
    run = LocalEngine(critic, workers=2, batch=1, cache=StateCache()).run(
        make_windows(20), Doubler()
    )
    assert [next(run)[0] for _ in range(10)] == list(range(10))
    with pytest.raises(ArithmeticError, match="cannot read this"):
        next(run)
    assert list(run) == []
    assert not threads()
