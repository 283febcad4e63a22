"""Who may run, who waits and who is sent away."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cprs_server.errors import ProxyError

LONG = 400_000
"""Code points from which on a job is long. Long ones and short ones have slots of their own."""

_FIRST_GUESS = 1.0
_LONGEST_WAIT = 60


@dataclass(slots=True)
class Lane:
    """Jobs of one kind: `slots` at a time. `seconds`: a running mean of what one took."""

    slots: int
    free: asyncio.Semaphore
    waiting: int = 0
    running: int = 0
    seconds: float = _FIRST_GUESS

    def took(self, seconds: float) -> None:
        """A job of it has ended after so long."""
        self.seconds += (seconds - self.seconds) / 8


class Admission:
    """Slots for `running` long jobs and for twice as many short ones, at least four; `queue`
    jobs may wait. For one event loop."""

    def __init__(self, *, running: int, queue: int) -> None:
        self.queue = queue
        self.long = Lane(running, asyncio.Semaphore(running))
        many = max(4, 2 * running)
        self.short = Lane(many, asyncio.Semaphore(many))

    @property
    def waiting(self) -> int:
        """Jobs that wait for a slot."""
        return self.long.waiting + self.short.waiting

    @property
    def running(self) -> int:
        """Jobs that have one."""
        return self.long.running + self.short.running

    def lane(self, length: int) -> Lane:
        """The lane of a job over so many code points."""
        return self.long if length >= LONG else self.short

    def check(self, lane: Lane) -> None:
        """Raises `ProxyError` 429 where a job would have to wait and too many wait already."""
        if not lane.free.locked() or self.waiting < self.queue:
            return
        wait = math.ceil((lane.waiting + 1) * lane.seconds / lane.slots)
        seconds = min(_LONGEST_WAIT, max(1, wait))
        raise ProxyError(
            429,
            f"{self.waiting} compressions wait already, as many as may: try again in {seconds} s",
            code="queue_full",
            headers={"Retry-After": str(seconds)},
        )

    @asynccontextmanager
    async def queued(self, lane: Lane) -> AsyncIterator[None]:
        """Wait for a slot of `lane`; it is the caller's until `leave`."""
        lane.waiting += 1
        try:
            await lane.free.acquire()
        finally:
            lane.waiting -= 1
        lane.running += 1
        try:
            yield
        except BaseException:
            self.leave(lane)
            raise

    def leave(self, lane: Lane) -> None:
        """Give a slot back."""
        lane.running -= 1
        lane.free.release()
