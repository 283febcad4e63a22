"""Asks again with the original of a request that was compressed, and compares the two answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from cprs_server.errors import ProxyError
from cprs_server.observe.metrics import Metrics
from cprs_server.shadow import agreement
from cprs_server.upstream.base import Call, Transport
from cprs_server.wire.spoken import spoken

MOST = 4 << 20
"""Bytes of an answer that is compared."""
_AT_ONCE = 4

_LOG = logging.getLogger("cprs_server")


class Shadowing:
    """Runs beside the requests of one event loop. A few at a time: more are let go."""

    def __init__(self, transport: Transport, metrics: Metrics) -> None:
        self._transport = transport
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, make: Callable[[], Call], *, form: str, answer: bytes) -> None:
        """Send the call that `make` makes, once, and count how far its answer agrees with `answer`,
        which its compressed twin got. `make` is called in a thread."""
        if len(answer) > MOST or len(self._tasks) >= _AT_ONCE:
            return
        task = asyncio.get_running_loop().create_task(self._compare(make, form, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _compare(self, make: Callable[[], Call], form: str, answer: bytes) -> None:
        said = await asyncio.to_thread(spoken, form, answer)
        if said is None:
            return
        try:
            reply = await self._transport.send(await asyncio.to_thread(make))
        except ProxyError as error:
            _LOG.info("no second answer to compare with: %s", error.code)
            return
        body = bytearray()
        try:
            async for part in reply.body():
                body += part
                if len(body) > MOST:
                    return
        except ProxyError:
            return
        finally:
            await reply.close()
        if reply.status >= 300:
            return
        other = await asyncio.to_thread(spoken, form, bytes(body))
        if other is not None:
            self._metrics.shadow(await asyncio.to_thread(agreement, said, other))
