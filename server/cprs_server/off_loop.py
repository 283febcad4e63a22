"""Work that would hold up every other request of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

LARGE = 200_000
"""Bytes from which on reading, planning or writing something is long work."""

T = TypeVar("T")


async def off_loop(size: int, work: Callable[[], T]) -> T:
    """`work()`, in a thread where it is on more than `LARGE` bytes, else at once."""
    return await asyncio.to_thread(work) if size > LARGE else work()
