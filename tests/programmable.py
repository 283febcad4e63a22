"""A real HTTP server that answers as it is told: well, slowly, wrongly, in part or not at all.

It speaks HTTP/1.1 over plain sockets by hand, since a library would not send what is broken.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

RawHeaders = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came: header names as they were written, the body without its chunking."""

    method: str
    target: str
    headers: RawHeaders
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first of that name, in any case."""
        wanted = name.lower().encode()
        return next((v.decode("latin-1") for k, v in self.headers if k.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before going on."""

    seconds: float


class Reset:
    """Break the connection off with a TCP reset."""


class Close:
    """Close the connection in order, wherever the response is."""


class Hang:
    """Say nothing more until the other side goes."""


Step = bytes | Pause | Reset | Close | Hang


@dataclass(frozen=True, slots=True)
class Script:
    """What is put on the wire for one request, in order. Each `bytes` is sent at once."""

    steps: tuple[Step, ...]


def _head(status: int, headers: Iterable[tuple[str, str]], reason: str = "OK") -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def plain(
    body: Any,
    *,
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (),
    content_type: str = "application/json",
) -> Script:
    """A whole response of known length; what is not bytes becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = [("content-type", content_type), ("content-length", str(len(data)))]
    return Script((_head(status, [*known, *headers]) + data,))


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


STREAM_HEADERS = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
)


def stream(
    events: Iterable[bytes],
    *,
    gap: float = 0.0,
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (),
    ending: Step | None = None,
) -> Script:
    """A chunked response, one chunk per event, `gap` seconds between them.

    `ending` takes the place of the last chunk: `Reset()`, `Close()` or `Hang()` leave it cut off.
    """
    steps: list[Step] = [
        _head(status, [*STREAM_HEADERS, ("transfer-encoding", "chunked"), *headers])
    ]
    for event in events:
        steps.append(chunk(event))
        if gap:
            steps.append(Pause(gap))
    steps.append(b"0\r\n\r\n" if ending is None else ending)
    return Script(tuple(steps))


def cut(body: bytes, *, said: int, ending: Step | None = None) -> Script:
    """A response that says it has `said` bytes and sends fewer."""
    head = _head(200, [("content-type", "application/json"), ("content-length", str(said))])
    return Script((head + body, ending or Close()))


def after(seconds: float, script: Script) -> Script:
    """The same, later."""
    return Script((Pause(seconds), *script.steps))


def garbage() -> Script:
    """No HTTP at all."""
    return Script((b"\x00\xff\x16\x03 what is this\r\n\r\n\x80", Close()))


def hang() -> Script:
    """Never answers."""
    return Script((Hang(),))


def reset() -> Script:
    """Breaks off before the first byte."""
    return Script((Reset(),))


Answerer = Callable[[Seen], Script]


class Upstream:
    """The server, in a thread of its own.

    Each request takes the next of the queued replies; when none is left, `default` answers. `seen`
    has every request in the order they were read; `gone` counts requests whose sender went before
    the response was all written; `connections` counts those accepted.
    """

    def __init__(self, default: Answerer) -> None:
        self.default = default
        self.seen: list[Seen] = []
        self.gone = 0
        self.connections = 0
        self._replies: deque[Script | Answerer] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def url(self) -> str:
        """The base URL, without "/v1"."""
        return f"http://127.0.0.1:{self._port}"

    def reply(self, *replies: Script | Answerer) -> None:
        """Queues answers, one per request."""
        self._replies.extend(replies)

    def wait_gone(self, count: int = 1, *, seconds: float = 5.0) -> bool:
        """Whether `count` senders went before they had all, within `seconds`."""
        return eventually(lambda: self.gone >= count, seconds)

    def wait_seen(self, count: int = 1, *, seconds: float = 5.0) -> bool:
        """Whether `count` requests came within `seconds`."""
        return eventually(lambda: len(self.seen) >= count, seconds)

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the programmable upstream did not start")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self._accept), "127.0.0.1", 0)
        self._port: int = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in self._transports:
            transport.abort()
        await asyncio.sleep(0.01)  # until they are closed

    def _accept(self, connection: _Connection) -> None:
        self.connections += 1
        self._transports.add(connection.transport)
        task = self._loop.create_task(self._answer(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, connection: _Connection) -> None:
        try:
            while (seen := await _read(connection.reader)) is not None:
                self.seen.append(seen)
                chosen = self._replies.popleft() if self._replies else self.default
                script = chosen if isinstance(chosen, Script) else chosen(seen)
                if not await self._play(script, connection):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            connection.transport.close()

    async def _play(self, script: Script, connection: _Connection) -> bool:
        """Whether the connection can take another request."""
        for step in script.steps:
            if isinstance(step, bytes):
                connection.transport.write(step)
                await connection.drained()
            elif isinstance(step, Reset):
                connection.reset()
                return False
            elif isinstance(step, Close):
                return False
            else:
                await connection.wait_left(step.seconds if isinstance(step, Pause) else None)
            if connection.left.is_set():
                self.gone += 1
                return False
        return True


class _Connection(asyncio.Protocol):
    """One connection: `left` is set when the other side has closed its end or gone."""

    transport: asyncio.Transport

    def __init__(self, accept: Callable[[_Connection], None]) -> None:
        self._accept = accept
        self.reader = asyncio.StreamReader(limit=1 << 20)
        self.left = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accept(self)

    def data_received(self, data: bytes) -> None:
        self.reader.feed_data(data)

    def eof_received(self) -> bool:
        self.reader.feed_eof()
        self.left.set()
        return True  # what is being written may still be

    def connection_lost(self, exc: Exception | None) -> None:
        self.reader.feed_eof()
        self.left.set()
        self._free.set()

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()

    async def drained(self) -> None:
        await self._free.wait()

    async def wait_left(self, seconds: float | None) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.left.wait(), seconds)

    def reset(self) -> None:
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head[:-4].split(b"\r\n")
    method, target, _ = first.decode("latin-1").split(" ", 2)
    headers = tuple(
        (name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)
    )
    known = {name.lower(): value for name, value in headers}
    if b"chunked" in known.get(b"transfer-encoding", b"").lower():
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(known.get(b"content-length", b"0")))
    return Seen(method, target, headers, body)


def eventually(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it becomes true within `seconds`."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
