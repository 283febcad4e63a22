from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from cprs_server.errors import ProxyError
from cprs_server.planning.base import Options
from cprs_server.running.base import Job
from cprs_server.running.service import Service
from gated import PATIENT, Gated
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs import Compressor
from cprs.checkpoint import cancellable
from cprs.errors import WeightsError
from cprs.windows import Encoded

T = TypeVar("T")
LONG = 100_000
NOTES = "Ann Lee chaired the meeting. Lunch was late. The budget was approved by Bo. " * 40


def job(text: str = NOTES, query: str = "Who chaired the meeting?", **changes: Any) -> Job:
    options = changes.pop("options", Options(threshold=0.1))
    return Job(
        (text,), query, options, tokenizer="", critic=changes.pop("critic", "lexical"), **changes
    )


def serve(work: Callable[[Service], Awaitable[T]], **settings: Any) -> T:
    """What `work` gives with a service of its own."""

    async def main() -> T:
        service = Service(**{"critics": {"lexical": "lexical"}, "workers": 2, **settings})
        try:
            return await asyncio.wait_for(work(service), PATIENT)
        finally:
            await service.close()

    return asyncio.run(main())


def gated(work: Callable[[Service, Gated], Awaitable[T]], **settings: Any) -> T:
    """The same over a critic that waits to be let."""
    critic = Gated()

    async def main(service: Service) -> T:
        try:
            return await work(service, critic)
        finally:
            critic.let(100_000)

    return serve(main, critics={"lexical": critic}, **{"workers": 1, **settings})


async def until(happened: Callable[[], bool]) -> None:
    while not happened():
        await asyncio.sleep(0.002)


@pytest.fixture(autouse=True)
def _long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is long here, so that tests are quick."""
    monkeypatch.setattr("cprs_server.running.admission.LONG", LONG)


def words(name: str, count: int) -> str:
    return f"{name} says so. " * count


def test_a_job_gives_what_the_compressor_gives() -> None:
    done = serve(lambda service: service.run(job(options=Options(), budget=40)))
    alone = Compressor("lexical").compress(NOTES, query="Who chaired the meeting?", budget=40)
    assert done.texts == alone.documents
    assert done.spans == alone.spans
    assert (done.tokens_in, done.tokens_out) == (alone.tokens_in, alone.tokens_out)
    assert done.critic == "lexical-1"
    assert done.waited >= 0
    assert set(done.timings) == {"cut", "read", "select"}


@settings(deadline=None, max_examples=8)
@given(counts=st.lists(st.integers(5, 300), min_size=1, max_size=6), workers=st.integers(1, 3))
def test_bytes_do_not_depend_on_what_else_runs(counts: list[int], workers: int) -> None:
    texts = [words(f"number {count}", count) + NOTES[: 40 * count] for count in counts]
    options = Options(ratio=2.0)

    async def all_at_once(service: Service) -> list[str]:
        jobs = [job(text, options=options) for text in texts]
        return [d.texts[0] for d in await asyncio.gather(*map(service.run, jobs))]

    alone = Compressor("lexical")
    wanted = [
        alone.compress(text, query="Who chaired the meeting?", ratio=2.0).documents[0]
        for text in texts
    ]
    assert serve(all_at_once, workers=workers) == wanted


def test_tokens_are_counted_as_the_job_says() -> None:
    done = serve(
        lambda service: service.run(
            Job((NOTES,), "Who chaired?", Options(), "some-model", 60, critic="lexical")
        )
    )
    assert done.tokens_out <= 60
    assert any("estimated" in warning for warning in done.warnings)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (job(options=Options(ratio=0.5)), "ratio must be at least 1"),
        (job(options=Options(granularity="stanza")), "stanza"),
        (job(options=Options(effort="lazy")), "lazy"),
        (job(options=Options(), budget=1), "too small"),
        (job("   "), "empty"),
        (job('{"a": [1, 2', formats=("json",)), "JSON"),
        (job(critic="/etc"), "unknown critic"),
        (job(formats=("sonnet",)), "sonnet"),
    ],
)
def test_options_that_make_no_sense_are_said(bad: Job, says: str) -> None:
    with pytest.raises(ProxyError, match=says) as caught:
        serve(lambda service: service.run(bad))
    assert caught.value.status == 400
    assert "\n" not in caught.value.message


def test_a_critic_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise WeightsError("the weights are truncated")

    monkeypatch.setattr("cprs_server.running.critics.load_critic", broken)
    with pytest.raises(ProxyError, match="truncated") as caught:
        serve(lambda service: service.run(job()))
    assert (caught.value.status, caught.value.code) == (500, "critic")


def test_a_critic_that_is_named_later() -> None:
    async def work(service: Service) -> str:
        with pytest.raises(ProxyError, match="unknown critic"):
            await service.run(job(critic="lexical"))
        service.know("gated", "lexical")
        return (await service.run(job())).critic

    assert serve(work, critics={"gated": Gated()}) == "lexical-1"


def test_a_fault_of_ours_says_nothing_of_the_text(caplog: pytest.LogCaptureFixture) -> None:
    critic = Gated()
    critic.fails = True
    critic.let(100)
    with pytest.raises(ProxyError, match="fault") as caught:
        serve(lambda service: service.run(job()), critics={"lexical": critic})
    assert caught.value.status == 500
    assert "ArithmeticError at" in caplog.text
    assert "gated.py:" in caplog.text


def test_a_deadline_answers_504_and_stops_the_work() -> None:
    async def work(service: Service, critic: Gated) -> None:
        critic.let(2)
        with pytest.raises(ProxyError, match="stopped") as caught:
            await service.run(job(words("Ann", 6000)), deadline=2.0)
        assert (caught.value.status, caught.value.code) == (504, "deadline")
        begun = len(critic.begun)
        assert 1 <= begun <= 3
        critic.let(1000)
        await until(lambda: service.status.running == 0)
        assert len(critic.begun) == begun
        assert service.status.workers.runs == 0

    gated(work)


def test_cancelling_stops_within_one_batch() -> None:
    async def work(service: Service, critic: Gated) -> None:
        task = asyncio.ensure_future(service.run(job(words("Ann", 9000))))
        await until(lambda: len(critic.begun) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert service.status.workers.waiting == 0
        critic.let(1000)
        await until(lambda: service.status.running == 0)
        assert len(critic.begun) == 1
        assert (await service.run(job())).texts

    gated(work)


def test_cancelled_while_a_text_is_cut() -> None:
    """Before there is a batch to wait for, the slot is free again as soon."""

    class Cutting(Gated):
        ended = False

        def encode(self, text: str) -> Encoded:
            self.begun.append(0)
            for _ in cancellable(range(1000), every=1):
                time.sleep(0.005)
            self.ended = True
            return super().encode(text)

    critic = Cutting()

    async def work(service: Service) -> None:
        task = asyncio.ensure_future(service.run(job()))
        await until(lambda: len(critic.begun) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: service.status.running == 0)
        assert not critic.ended

    serve(work, critics={"lexical": critic})


def test_cancelled_while_it_waits_for_a_slot() -> None:
    async def work(service: Service, critic: Gated) -> None:
        first = asyncio.ensure_future(service.run(job(words("Ann", 9000))))
        await until(lambda: len(critic.begun) == 1)
        second = asyncio.ensure_future(service.run(job(words("Bo", 9000))))
        await until(lambda: service.status.waiting == 1)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert service.status.waiting == 0
        critic.let(100_000)
        await first

    gated(work, running=1)


def test_a_cancellation_storm_leaves_nothing_behind() -> None:
    async def work(service: Service, critic: Gated) -> None:
        tasks = [asyncio.ensure_future(service.run(job(words(f"w{n}", 3000)))) for n in range(200)]
        await until(lambda: len(critic.begun) == 1)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        critic.let(1)
        await until(lambda: service.status.running == 0)
        assert len(critic.begun) == 1
        critic.let(1000)
        assert (await service.run(job())).texts

    gated(work, queue=500)


def test_a_short_job_overtakes_long_ones() -> None:
    """Two long jobs hold all slots for long ones, and a third waits: a short one gets through
    after the batch in hand."""

    async def work(service: Service, critic: Gated) -> None:
        text = words("Ann", LONG // 10)
        assert len(text) > LONG
        long = [asyncio.ensure_future(service.run(job(text))) for _ in range(3)]
        short = asyncio.ensure_future(service.run(job(words("Bo", 100))))
        # 162 windows each, eight to a batch, and one batch of the short one; one is in hand.
        await until(lambda: service.status.workers.waiting == 21 + 21 + 1 - 1)
        assert (service.status.running, service.status.waiting) == (3, 1)
        critic.let(2)
        assert (await short).texts
        assert len(critic.begun) <= 3
        assert not any(task.done() for task in long)
        for task in long:
            task.cancel()
        await asyncio.gather(*long, return_exceptions=True)

    gated(work, running=2)


def test_a_full_queue_answers_429_with_a_time() -> None:
    async def work(service: Service, critic: Gated) -> None:
        text = words("Ann", LONG // 10)
        tasks = [asyncio.ensure_future(service.run(job(text))) for _ in range(3)]
        await until(lambda: service.status.waiting == 2)
        with pytest.raises(ProxyError, match="wait already") as caught:
            await service.run(job(text))
        assert (caught.value.status, caught.value.code) == (429, "queue_full")
        assert 1 <= int(caught.value.headers["Retry-After"]) <= 60
        critic.let(100_000)
        assert len(await asyncio.gather(*tasks)) == 3
        assert (await service.run(job(text))).texts

    gated(work, running=1, queue=2)


def test_jobs_of_one_request_come_back_in_order() -> None:
    texts = [words(name, 50) for name in ("Ann", "Bo", "Cy", "Di", "Ed", "Flo")]
    done = serve(
        lambda service: service.run_all([job(text, query=text[:3]) for text in texts]), queue=0
    )
    assert [one.texts[0][:2] for one in done] == [text[:2] for text in texts]


def test_one_bad_job_ends_the_others() -> None:
    async def work(service: Service, critic: Gated) -> None:
        with pytest.raises(ProxyError, match="ratio"):
            await service.run_all([job(words("Ann", 9000)), job("Bo.", options=Options(ratio=0.1))])
        critic.let(1)
        await until(lambda: service.status.running == 0)
        assert len(critic.begun) <= 1

    gated(work)


def test_no_jobs_is_no_work() -> None:
    assert serve(lambda service: service.run_all([])) == []


def test_the_event_loop_goes_on_while_a_large_text_is_cut() -> None:
    async def work(service: Service) -> int:
        task = asyncio.ensure_future(service.run(job(words("Ann", 60_000), budget=200)))
        turns = 0
        while not task.done():
            await asyncio.sleep(0.001)
            turns += 1
        await task
        return turns

    assert serve(work) > 20


def test_closing_drains_then_refuses() -> None:
    async def work(service: Service, critic: Gated) -> None:
        running = asyncio.ensure_future(service.run(job()))
        await until(lambda: len(critic.begun) == 1)
        closing = asyncio.ensure_future(service.close(drain=PATIENT))
        await asyncio.sleep(0)
        with pytest.raises(ProxyError, match="shutting down") as caught:
            await service.run(job())
        assert caught.value.status == 503
        critic.let(1000)
        assert (await running).texts
        await closing

    gated(work)


def test_what_is_not_done_in_time_is_stopped_on_closing() -> None:
    async def work(service: Service, critic: Gated) -> None:
        running = asyncio.ensure_future(service.run(job(words("Ann", 9000))))
        await until(lambda: len(critic.begun) == 1)
        closing = asyncio.ensure_future(service.close(drain=0.05))
        await until(lambda: service.status.workers.runs == 0)
        critic.let(1)
        with pytest.raises(ProxyError, match="stopped"):
            await running
        await closing
        assert len(critic.begun) == 1

    gated(work)


def test_warming_loads_critics() -> None:
    async def work(service: Service) -> None:
        await service.warm()
        with pytest.raises(Exception, match="unknown critic"):
            await service.warm("other")

    serve(work)
