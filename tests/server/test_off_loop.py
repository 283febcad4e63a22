"""Long work off the event loop ends when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from cprs_server.off_loop import LARGE, off_loop

from cprs.checkpoint import cancellable


def test_small_work_is_done_at_once() -> None:
    async def main() -> None:
        here = threading.get_ident()
        assert await off_loop(LARGE, threading.get_ident) == here
        assert await off_loop(LARGE + 1, threading.get_ident) != here

    asyncio.run(main())


def test_a_task_that_is_cancelled_takes_its_work_along() -> None:
    begun, steps = threading.Event(), []

    def work() -> None:
        begun.set()
        for step in cancellable(range(1000), every=1):
            steps.append(step)
            time.sleep(0.005)

    async def main() -> None:
        task = asyncio.ensure_future(off_loop(LARGE + 1, work))
        assert await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())  # waits for its threads
    assert len(steps) < 1000
