"""A reply of an upstream, handed on to the client as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from cprs_server.errors import ProxyError
from cprs_server.upstream.base import Reply
from cprs_server.upstream.disconnect import DisconnectWatch
from cprs_server.upstream.events import WholeEvents, is_whole
from cprs_server.upstream.headers import header, response_headers

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
StreamError = Callable[[int, str], bytes]
Ends = Callable[[bytes], bool]

# A short answer in JSON is sent when it is known to be whole, so that one that breaks off becomes
# an error instead. Upstreams that keep a connection alive with white space are not waited for.
_MOST_HELD = 1 << 20
_LONGEST_HELD = 1.0


class Edit(Protocol):
    """Changes a body on its way, such as `cprs_server.wire.usage.UsageStream`."""

    def feed(self, chunk: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class WholeEdit:
    """Makes an `Edit` of a function that needs the whole body."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        self._change = change
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        self._parts.append(chunk)
        return b""

    def flush(self) -> bytes:
        return self._change(b"".join(self._parts))


@dataclass(frozen=True, slots=True)
class Relayed:
    """What went to the client: the `status`, bytes of the body, and the `error` that broke it off,
    of which a stream's client was told in its last event; any other response is left unfinished,
    which tells the server below to close the connection."""

    status: int
    size: int
    error: ProxyError | None = None


async def relay(
    reply: Reply,
    send: Send,
    *,
    watch: DisconnectWatch | None = None,
    extra_headers: Iterable[tuple[bytes, bytes]] = (),
    on_chunk: Callable[[bytes], None] | None = None,
    stream_error: StreamError | None = None,
    ends: Ends | None = None,
    edit: Edit | None = None,
) -> Relayed:
    """Sends `reply` on: status, headers but for those of the connection, and the body's bytes.

    `on_chunk` sees each part before it is sent. Events go on whole; where an event stream breaks
    off, or ends before an event of which `ends` holds, `stream_error` (status, message) makes the
    event that says so. Raises `ProxyError` where
    the reply breaks off before anything was sent, so that an error can be sent instead. The
    upstream's connection is closed when the client goes, or on any error.
    """
    headers = response_headers(reply.headers, extra_headers, same_length=edit is None)
    sending = _Sending(send, reply.status, headers, watch, on_chunk)
    try:
        if _is_event_stream(reply):
            if ends is None or reply.status >= 300:
                ends = _any_end
            return await _relay_events(reply, sending, edit, stream_error, ends)
        return await _relay_bytes(reply, sending, edit)
    finally:
        await reply.close()


class _Sending:
    """The client's end: what has been sent, and how."""

    __slots__ = ("_headers", "_on_chunk", "_send", "_watch", "size", "started", "status")

    def __init__(
        self,
        send: Send,
        status: int,
        headers: list[tuple[bytes, bytes]],
        watch: DisconnectWatch | None,
        on_chunk: Callable[[bytes], None] | None,
    ) -> None:
        self._send = send
        self._headers = headers
        self._watch = watch
        self._on_chunk = on_chunk
        self.status = status
        self.size = 0
        self.started = False

    async def start(self) -> None:
        self.started = True
        await self._send(
            {"type": "http.response.start", "status": self.status, "headers": self._headers}
        )

    async def part(self, data: bytes) -> None:
        if data:
            self.size += len(data)
            if self._on_chunk is not None:
                self._on_chunk(data)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        self.size += len(data)
        if data and self._on_chunk is not None:
            self._on_chunk(data)
        if self._watch is not None:
            self._watch.stop()
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    def done(self, error: ProxyError | None = None) -> Relayed:
        if self._watch is not None:
            self._watch.stop()
        return Relayed(self.status, self.size, error)


async def _relay_events(
    reply: Reply,
    sending: _Sending,
    edit: Edit | None,
    stream_error: StreamError | None,
    ends: Ends,
) -> Relayed:
    await sending.start()
    events, ended = WholeEvents(), False
    try:
        async for data in reply.body():
            out = events.feed(data)
            ended = ended or ends(out)
            await sending.part(edit.feed(out) if edit else out)
        rest = events.flush()
        if stream_error is not None and (events.parted or not is_whole(rest)):
            raise _broke_off("within an event")
        if stream_error is not None and not (ended or ends(rest)):
            if rest:
                await sending.part(edit.feed(rest + b"\n\n") if edit else rest + b"\n\n")
            raise _broke_off("before its answer did")
    except ProxyError as error:
        if stream_error is None:
            return sending.done(error)
        said = stream_error(error.status, error.message)
        flushed = edit.flush() if edit else b""
        await sending.end(flushed + (b"\n\n" + said if events.parted else said))
        return sending.done(error)
    await sending.end(edit.feed(rest) + edit.flush() if edit else rest)
    return sending.done()


def _any_end(_: bytes) -> bool:
    return True


def _broke_off(where: str) -> ProxyError:
    return ProxyError(502, f"the upstream's stream ended {where}", code="upstream_broke_off")


async def _relay_bytes(reply: Reply, sending: _Sending, edit: Edit | None) -> Relayed:
    held: list[bytes] = []
    size = 0
    if edit is None and not _is_one_value(reply):
        await sending.start()
    clock = asyncio.get_running_loop().time
    until = clock() + _LONGEST_HELD
    try:
        async for data in reply.body():
            part = edit.feed(data) if edit else data
            if sending.started:
                await sending.part(part)
                continue
            held.append(part)
            size += len(part)
            if size > _MOST_HELD or (clock() > until and edit is None):
                await sending.start()
                await sending.part(b"".join(held))
                held.clear()
    except ProxyError as error:
        if not sending.started:
            raise
        return sending.done(error)
    if edit is not None:
        held.append(edit.flush())
    if not sending.started:
        await sending.start()
    await sending.end(b"".join(held))
    return sending.done()


def _is_one_value(reply: Reply) -> bool:
    """Whether nobody can make use of a part of it, as one can of sound or of coded events."""
    return header(reply.headers, b"content-type").lower().startswith("application/json")


def _is_event_stream(reply: Reply) -> bool:
    kind = header(reply.headers, b"content-type").lower()
    coding = header(reply.headers, b"content-encoding").lower()
    return kind.startswith("text/event-stream") and coding in ("", "identity")
