"""Work that would hold up every other request of the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from cprs.checkpoint import cancelled_by

LARGE = 200_000
"""Bytes from which on reading, planning or writing something is long work."""

T = TypeVar("T")


async def off_loop(size: int, work: Callable[[], T]) -> T:
    """`work()`, in a thread where it is on more than `LARGE` bytes, else at once.

    Cancelling the task ends the work in the thread at its next checkpoint.
    """
    if size <= LARGE:
        return work()
    stop = threading.Event()
    try:
        # The thread runs in a copy of this context.
        with cancelled_by(stop):
            return await asyncio.to_thread(work)
    except asyncio.CancelledError:
        stop.set()
        raise
