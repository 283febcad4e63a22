"""Work is broken off for a reason, told apart from a cancellation from elsewhere."""

from __future__ import annotations

import asyncio

import pytest
from cprs_server.upstream.disconnect import ClientGone, DisconnectWatch
from cprs_server.upstream.interrupt import Interrupt


class Reason(Exception):
    pass


def test_fired_while_waiting() -> None:
    async def main() -> None:
        interrupt = Interrupt()
        asyncio.get_running_loop().call_later(0.01, interrupt.fire, Reason())
        with pytest.raises(Reason):
            async with interrupt:
                await asyncio.sleep(10)
        await asyncio.sleep(0.01)  # no cancellation is left over

    asyncio.run(main())


def test_fired_when_the_work_is_done() -> None:
    async def main() -> None:
        interrupt = Interrupt()
        async with interrupt:
            interrupt.fire(Reason())
        interrupt.fire(Reason())
        await asyncio.sleep(0.01)

        async def fails() -> None:
            async with (again := Interrupt()):
                again.fire(Reason())
                raise KeyError

        with pytest.raises(KeyError):
            await fails()
        await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def work(interrupt: Interrupt) -> None:
        async with interrupt:
            await asyncio.sleep(10)

    async def main(both: bool) -> None:
        interrupt = Interrupt()
        task = asyncio.ensure_future(work(interrupt))
        await asyncio.sleep(0.01)
        if both:
            interrupt.fire(Reason())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main(False))
    if hasattr(asyncio.Task, "uncancel"):
        asyncio.run(main(True))


def test_one_in_another() -> None:
    async def main() -> None:
        outer, inner = Interrupt(), Interrupt()
        asyncio.get_running_loop().call_later(0.01, inner.fire, Reason("inner"))
        asyncio.get_running_loop().call_later(0.02, outer.fire, Reason("outer"))

        async def sleeps(interrupt: Interrupt) -> None:
            async with interrupt:
                await asyncio.sleep(10)

        async def both() -> None:
            async with outer:
                with pytest.raises(Reason, match="inner"):
                    await sleeps(inner)
                await asyncio.sleep(10)

        with pytest.raises(Reason, match="outer"):
            await both()

    asyncio.run(main())


def test_a_client_that_goes() -> None:
    async def main() -> None:
        gone = asyncio.Event()
        calls = 0

        async def receive() -> dict[str, object]:
            nonlocal calls
            calls += 1
            if calls == 1:
                return {"type": "http.request", "body": b""}
            await gone.wait()
            return {"type": "http.disconnect"}

        watch = DisconnectWatch(receive)

        async def work() -> None:
            async with watch:
                asyncio.get_running_loop().call_later(0.01, gone.set)
                await asyncio.sleep(10)

        with pytest.raises(ClientGone):
            await work()
        assert watch.gone

        gone.clear()
        async with DisconnectWatch(receive) as watch:
            await asyncio.sleep(0.01)
            watch.stop()
            gone.set()
            await asyncio.sleep(0.01)
        assert not watch.gone
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
