"""A client that goes away before it has its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any

from cprs_server.upstream.interrupt import Interrupt

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGone(Exception):
    """There is nobody left to answer."""


class DisconnectWatch:
    """Stops the work on a request once its client is gone: before the first byte, and after.

    >>> async def answer(receive, send):  # doctest: +SKIP
    ...     body = await read_body(scope, receive, limit=limit)
    ...     async with DisconnectWatch(receive) as watch:
    ...         ...  # raises ClientGone out of the block

    To be entered when the body has been read, since both call `receive`. The task in the block is
    cancelled wherever it waits. Servers say "disconnected" too when a response is complete, so
    whoever sends its last part calls `stop` first (`relay` does).
    """

    __slots__ = ("_interrupt", "_receive", "_watcher", "gone")

    def __init__(self, receive: Receive) -> None:
        self.gone = False
        self._receive = receive
        self._interrupt = Interrupt()
        self._watcher: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Watch no longer."""
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    async def __aenter__(self) -> DisconnectWatch:
        await self._interrupt.__aenter__()
        self._watcher = asyncio.get_running_loop().create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        await self._interrupt.__aexit__(kind, error, traceback)

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self._interrupt.fire(ClientGone("the client went before it had its answer"))
