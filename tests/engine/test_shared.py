from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import pytest
from gated import LENGTH, PATIENT, Echo, Gated, until
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs import Compressor
from cprs.critics.lexical import LexicalCritic
from cprs.engine.cache import StateCache
from cprs.engine.local import LocalEngine
from cprs.engine.shared import AHEAD, PATIENCE, SharedEngine, Stop, Workers
from cprs.errors import Cancelled, OptionError
from cprs.windows import Window


def make_windows(count: int, name: int = 0) -> list[Window]:
    """Windows whose tokens all are `name`."""
    ids = np.full(LENGTH, name, np.int32)
    offsets = np.stack([np.arange(LENGTH), np.arange(1, LENGTH + 1)], axis=1).astype(np.int64)
    return [Window(0, LENGTH, ids, offsets, np.array([[0, LENGTH]])) for _ in range(count)]


class Runs:
    """Runs of one engine, each in a thread of its own."""

    def __init__(self, engine: SharedEngine) -> None:
        self.engine = engine
        self.threads = ThreadPoolExecutor(64)
        self._begun = 0

    def start(self, batches: int, name: int, stop: Stop | None = None) -> Any:
        """Start a run of so many batches; returns once all it may hand over is handed over."""
        engine = self.engine.until(stop or Stop())
        windows = make_windows(batches * engine.batch, name)
        before = self.engine.workers.load
        future = self.threads.submit(lambda: list(engine.run(windows, Echo())))
        wanted = min(batches, AHEAD)

        def handed() -> bool:
            now = self.engine.workers.load
            gone = now.batches - before.batches
            return now.runs > before.runs and now.waiting + gone >= before.waiting + wanted

        until(handed)
        return future


@pytest.fixture(params=[1, 3])
def runs(request: pytest.FixtureRequest) -> Any:
    critic = Gated()
    workers = Workers(request.param)
    runs = Runs(SharedEngine(critic, workers, batch=4))
    yield runs
    critic.let(10_000)
    workers.close()
    runs.threads.shutdown()


def critic_of(runs: Runs) -> Gated:
    critic = runs.engine.critic
    assert isinstance(critic, Gated)
    return critic


def test_a_short_run_waits_for_one_batch_of_a_long_one_at_most(runs: Runs) -> None:
    """10K tokens beside 2M: what the workers have in hand is all that comes before it."""
    critic, hands = critic_of(runs), runs.engine.workers.count
    long = runs.start(2000, name=1)
    critic.wait_for(hands)
    critic.let(5)
    critic.wait_for(hands + 5)
    short = runs.start(10, name=2)
    before = len(critic.begun)
    assert critic.begun == [1] * before
    critic.let(hands + 10)
    critic.wait_for(before + 10)
    assert critic.begun[before : before + 10] == [2] * 10
    assert not long.done()
    critic.let(10_000)
    assert len(short.result(PATIENT)) == 40
    assert len(long.result(PATIENT)) == 8000


def test_equally_long_runs_take_turns(runs: Runs) -> None:
    critic, hands = critic_of(runs), runs.engine.workers.count
    both = [runs.start(20, name=1), runs.start(20, name=2)]
    for count in range(1, 31):
        critic.wait_for(hands + count - 1)
        critic.let(1)
    critic.wait_for(hands + 30)
    shares = [critic.begun.count(1), critic.begun.count(2)]
    assert abs(shares[0] - shares[1]) <= hands
    critic.let(1000)
    wait(both, PATIENT)


def test_a_long_run_is_never_starved(runs: Runs) -> None:
    critic, hands = critic_of(runs), runs.engine.workers.count
    long = runs.start(200, name=1)
    critic.wait_for(hands)
    flood = [runs.start(16, name=2) for _ in range(10)]
    for count in range(1, 101):
        critic.wait_for(hands + count - 1)
        critic.let(1)
    critic.wait_for(hands + 100)
    while_flooded = critic.begun[hands : hands + 100]
    gaps = [index for index, name in enumerate(while_flooded) if name == 1]
    assert gaps[0] <= PATIENCE
    assert len(gaps) >= 100 // (PATIENCE + 1)
    critic.let(10_000)
    wait([long, *flood], PATIENT)


def test_stopping_ends_a_run_within_the_batches_in_hand(runs: Runs) -> None:
    critic, hands = critic_of(runs), runs.engine.workers.count
    stop = Stop()
    run = runs.start(2000, name=1, stop=stop)
    other = runs.start(2, name=2)
    critic.wait_for(hands)
    stop.set()
    assert runs.engine.workers.load.runs == 1
    critic.let(1000)
    with pytest.raises(Cancelled):
        run.result(PATIENT)
    assert len(other.result(PATIENT)) == 8
    assert critic.begun.count(1) <= hands


def test_stopped_before_it_begins(runs: Runs) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(Cancelled):
        list(runs.engine.until(stop).run(make_windows(9), Echo()))
    assert runs.engine.workers.load.runs == 0


def test_closing_a_run_stops_its_work(runs: Runs) -> None:
    critic, hands = critic_of(runs), runs.engine.workers.count
    critic.let(1)
    run = runs.engine.run(make_windows(4000), Echo())
    next(run)
    critic.wait_for(hands + 1)
    critic.let(hands)
    run.close()
    # What was in hand, and what was taken while it was let go.
    assert len(critic.begun) <= 2 * hands + 1
    assert runs.engine.workers.load.runs == 0
    assert runs.engine.workers.load.waiting == 0


def test_closing_the_workers_cancels_runs() -> None:
    critic, workers = Gated(), Workers(1)
    runs = Runs(SharedEngine(critic, workers, batch=4))
    run = runs.start(100, name=1)
    critic.wait_for(1)
    critic.let(1000)
    workers.close()
    with pytest.raises(Cancelled):
        run.result(PATIENT)
    with pytest.raises(Cancelled, match="closed"):
        list(runs.engine.run(make_windows(9), Echo()))
    runs.threads.shutdown()


def test_an_error_ends_its_own_run_only(runs: Runs) -> None:
    critic, hands = critic_of(runs), runs.engine.workers.count
    failing = runs.start(50, name=1)
    critic.wait_for(hands)
    critic.fails = True
    critic.let(200)
    with pytest.raises(ArithmeticError, match="cannot read this"):
        failing.result(PATIENT)
    critic.fails = False
    critic.let(1000)
    assert len(list(runs.engine.run(make_windows(12), Echo()))) == 12


def test_an_iterator_never_started_starts_nothing() -> None:
    workers = Workers(1)
    SharedEngine(Gated(), workers).run(make_windows(9), Echo()).close()
    assert workers.load.runs == 0
    workers.close()


WORDS = ["the budget was approved", "Ann chaired", "lunch was late", "nobody knows", "42 chairs"]


@settings(deadline=None, max_examples=15)
@given(
    texts=st.lists(
        st.lists(st.sampled_from(WORDS), min_size=20, max_size=400).map(". ".join),
        min_size=1,
        max_size=5,
    ),
    count=st.integers(1, 4),
    batch=st.integers(1, 9),
)
def test_bytes_are_those_of_a_run_alone(texts: list[str], count: int, batch: int) -> None:
    critic, workers = LexicalCritic(), Workers(count)
    options = {"query": "Who chaired?", "ratio": 3.0, "hops": 2}
    alone = Compressor(engine=LocalEngine(critic, workers=1))
    engine = SharedEngine(critic, workers, batch=batch, cache=StateCache())
    shared = Compressor(engine=engine)
    with ThreadPoolExecutor(len(texts)) as threads:
        found = list(threads.map(lambda text: shared.compress(text, **options), texts))  # type: ignore[arg-type]
    workers.close()
    for text, result in zip(texts, found, strict=True):
        wanted = alone.compress(text, **options)  # type: ignore[arg-type]
        assert (result.text, result.spans) == (wanted.text, wanted.spans)
    assert workers.load.runs == 0


@settings(deadline=None, max_examples=25)
@given(counts=st.lists(st.integers(0, 40), min_size=1, max_size=6), count=st.integers(1, 4))
def test_scores_come_in_order_whatever_else_runs(counts: list[int], count: int) -> None:
    critic, workers = Gated(), Workers(count)
    critic.let(10_000)
    engine = SharedEngine(critic, workers, batch=3, cache=StateCache())
    with ThreadPoolExecutor(len(counts)) as threads:
        found = list(
            threads.map(
                lambda item: list(engine.run(make_windows(item[1], item[0]), Echo())),
                enumerate(counts),
            )
        )
    for name, (count_of, scores) in enumerate(zip(counts, found, strict=True)):
        assert [number for number, _ in scores] == list(range(count_of))
        assert all((s.keep == name).all() and len(s.keep) == LENGTH for _, s in scores)
    workers.close()


def test_load_counts_batches_and_their_fill() -> None:
    critic, workers = Gated(), Workers(2)
    critic.let(100)
    list(SharedEngine(critic, workers, batch=4).run(make_windows(6), Echo()))
    load = workers.load
    assert (load.runs, load.waiting, load.batches, load.windows, load.fill) == (0, 0, 2, 6, 0.75)
    workers.close()


def test_an_engine_is_given_alone() -> None:
    engine = LocalEngine(LexicalCritic())
    assert Compressor(engine=engine).critic is engine.critic
    assert Compressor(engine.critic, engine=engine).critic is engine.critic
    for other in ({"workers": 2}, {"cache": StateCache()}, {"critic": "lexical"}):
        with pytest.raises(OptionError, match="give it alone"):
            Compressor(engine=engine, **other)
