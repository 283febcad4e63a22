"""Replies reach a real client as they come, and whatever breaks is told or seen."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from cprs_server.errors import ProxyError
from cprs_server.upstream.base import Call
from cprs_server.upstream.body import read_body
from cprs_server.upstream.disconnect import ClientGone, DisconnectWatch
from cprs_server.upstream.relay import Edit, Relayed, WholeEdit, relay
from cprs_server.upstream.retry import send_with_fallback
from cprs_server.upstream.transport import HttpTransport
from loopback import served
from programmable import (
    Close,
    Hang,
    Pause,
    Reset,
    Script,
    Upstream,
    after,
    chunk,
    cut,
    eventually,
    hang,
    plain,
    stream,
)
from shapes import chat, chat_events, event

ERROR = b'data: {"error": "%d %s"}\n\n'


@dataclass
class Passing:
    """An app that hands everything on."""

    url: str
    edit: Any = None
    gone: int = 0
    relayed: list[Relayed] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    stopped: bool = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.transport = HttpTransport()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self.transport.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        try:
            body = await read_body(scope, receive, limit=1 << 30)
            async with DisconnectWatch(receive) as watch:
                await self._pass(body, send, watch, scope["method"])
                await asyncio.sleep(0.01)  # a complete response is no client that has gone
        except ClientGone:
            self.gone += 1

    async def _pass(self, body: bytes, send: Any, watch: DisconnectWatch, method: str) -> None:
        call = Call(method, self.url + "/v1/x", (), body, first_byte=0.5)
        try:
            reply, _ = await send_with_fallback(self.transport, [call])
            self.relayed.append(
                await relay(
                    reply,
                    send,
                    watch=watch,
                    extra_headers=[(b"x-cprs-id", b"1")],
                    on_chunk=self.chunks.append,
                    stream_error=lambda status, said: ERROR % (status, said.encode()),
                    edit=self.edit() if self.edit else None,
                )
            )
        except ProxyError as error:
            text = error.message.encode()
            await send({"type": "http.response.start", "status": error.status, "headers": []})
            await send({"type": "http.response.body", "body": text})


@pytest.fixture
def passing(upstream: Upstream) -> Passing:
    return Passing(upstream.url)


@pytest.fixture(params=["httptools", "h11"])
def url(passing: Passing, request: pytest.FixtureRequest) -> Iterator[str]:
    # What a broken response looks like is the servers' business, so both of uvicorn's are asked.
    with served(passing, http=request.param, loop="uvloop") as base:
        yield base


def dial(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def ask(client: socket.socket, method: bytes = b"POST") -> None:
    client.sendall(method + b" / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")


def get(url: str, method: bytes = b"POST") -> tuple[bytes, bytes, bool]:
    """Head, body, and whether the server says that the body is whole."""
    with dial(url) as client:
        ask(client, method)
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        head = head.lower()
        if b"chunked" in head:
            while not body.endswith(b"0\r\n\r\n"):
                if not (more := client.recv(65536)):
                    return head, unchunked(body), False
                body += more
            return head, unchunked(body), True
        lines = dict(line.split(b": ") for line in head.split(b"\r\n")[1:])
        length = 0 if method == b"HEAD" else int(lines[b"content-length"])
        while len(body) < length:
            if not (more := client.recv(65536)):
                return head, body, False
            body += more
        return head, body, True


def unchunked(data: bytes) -> bytes:
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        out += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return out


def test_an_answer_arrives_as_it_is(upstream: Upstream, passing: Passing, url: str) -> None:
    body = json.dumps(chat(), indent=1).encode()
    headers = [("X-Two", "1"), ("X-Two", "2"), ("X-Cprs-Id", "forged"), ("Keep-Alive", "1")]
    upstream.reply(plain(body, status=418, headers=headers))
    head, got, whole = get(url)
    assert (got, whole) == (body, True)
    assert head.split(b"\r\n")[1:] == [
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"x-two: 1",
        b"x-two: 2",
        b"x-cprs-id: 1",
    ]
    assert head.startswith(b"http/1.1 418")
    assert passing.relayed == [Relayed(418, len(body))]
    assert b"".join(passing.chunks) == body


def test_a_stream_arrives_as_it_is(upstream: Upstream, passing: Passing, url: str) -> None:
    events = chat_events(usage=True)
    upstream.reply(stream(events))
    head, got, whole = get(url)
    assert (got, whole) == (b"".join(events), True)
    assert b"content-type: text/event-stream; charset=utf-8" in head
    assert eventually(lambda: len(passing.relayed) == 1, 1)
    assert passing.gone == 0


def test_events_arrive_when_they_are_sent(upstream: Upstream, url: str) -> None:
    upstream.reply(stream([event(n) for n in range(4)], gap=0.1))
    times: list[float] = []
    with dial(url) as client:
        ask(client)
        while len(times) < 5 and client.recv(65536):
            times.append(time.monotonic())
    assert times[-1] - times[0] > 0.25


@pytest.mark.parametrize(
    "headers",
    [
        (b"content-type: audio/mpeg",),
        (b"content-type: application/x-ndjson",),
        (b"content-type: text/event-stream", b"content-encoding: gzip"),
    ],
)
def test_other_streams_do_not_wait(
    upstream: Upstream, url: str, headers: tuple[bytes, ...]
) -> None:
    head = b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: 4\r\n\r\n" % b"\r\n".join(headers)
    upstream.reply(Script((head, b"\x1f\x8b", Pause(0.4), b"ab")))
    started = time.monotonic()
    with dial(url) as client:
        ask(client)
        data = b""
        while b"\x1f\x8b" not in data:
            data += client.recv(65536)
        assert time.monotonic() - started < 0.3
        while not data.endswith(b"\x1f\x8bab"):
            data += client.recv(65536)


def test_events_in_pieces_arrive_whole(upstream: Upstream, url: str) -> None:
    data = b"".join(chat_events())
    upstream.reply(stream([data[at : at + 7] for at in range(0, len(data), 7)]))
    assert get(url)[1:] == (data, True)


def test_a_head_and_nothing_else(upstream: Upstream, url: str) -> None:
    upstream.reply(Script((b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n",)))
    head, body, _ = get(url, b"HEAD")
    assert (b"content-length: 50" in head, body) == (True, b"")


@pytest.mark.parametrize("ending", [Close(), Reset(), b"zz\r\n", Hang()])
@pytest.mark.parametrize("half", [b"", b'data: {"id": "chat', b"event: messa"])
def test_a_stream_that_breaks_off_says_so(
    upstream: Upstream, url: str, ending: Any, half: bytes
) -> None:
    events = [event(1), *([half] if half else [])]
    upstream.reply(stream(events, gap=0.05, ending=ending))
    _, body, whole = get(url)
    assert whole
    first, _, rest = body.partition(b"\n\n")
    assert first == b"data: 1"
    said = json.loads(rest.removeprefix(b"data: "))["error"]
    assert said.startswith("504" if isinstance(ending, Hang) else "502")


def test_half_an_event_at_the_end(upstream: Upstream, url: str) -> None:
    upstream.reply(stream([event(1), b'data: {"id": "chat']))
    _, body, whole = get(url)
    assert (body.count(b"data:"), b"within an event" in body, whole) == (2, True, True)


def test_a_last_line_without_its_break(upstream: Upstream, url: str) -> None:
    upstream.reply(stream([event(1), b"data: [DONE]"]))
    assert get(url)[1:] == (event(1) + b"data: [DONE]", True)


def test_a_very_long_event_that_breaks_off(upstream: Upstream, url: str) -> None:
    upstream.reply(stream([b"data: " + b"x" * (3 << 20)], ending=Close()))
    _, body, whole = get(url)
    assert whole
    assert body.endswith(b"x\n\n" + ERROR % (502, b"the answer of 127.0.0.1 broke off"))


def test_a_short_answer_that_breaks_off_is_an_error(upstream: Upstream, url: str) -> None:
    upstream.reply(cut(b'{"half":', said=100))
    head, body, _ = get(url)
    assert head.startswith(b"http/1.1 502")
    assert body == b"the answer of 127.0.0.1 broke off"


def test_a_long_answer_that_breaks_off_is_seen_to(
    upstream: Upstream, passing: Passing, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    for script in (
        cut(b"x" * (3 << 20), said=4 << 20),
        Script(
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                chunk(b"x" * (3 << 20)),
                Close(),
            )
        ),
    ):
        upstream.reply(script)
        _, body, whole = get(url)
        assert (len(body) <= 3 << 20, whole) == (True, False)
    assert eventually(lambda: len(passing.relayed) == 2, 1)
    assert [relayed.error is not None for relayed in passing.relayed] == [True, True]


def test_white_space_that_keeps_a_connection_alive(upstream: Upstream, url: str) -> None:
    body = b"\n" * 3 + b'{"a": 1}'
    kind = b"Content-Type: application/json"
    head = b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
    upstream.reply(
        Script((head, b"\n", Pause(0.4), b"\n", Pause(0.4), b"\n", Pause(0.4), body[3:]))
    )
    assert get(url)[1:] == (body, True)


@pytest.mark.parametrize(
    "script",
    [
        hang(),
        after(0.3, plain({})),
        stream([event(1)], ending=Hang()),
        cut(b"{", said=9, ending=Hang()),
    ],
)
def test_a_client_that_goes_stops_the_upstream(
    upstream: Upstream, passing: Passing, url: str, script: Script
) -> None:
    upstream.reply(script)
    with dial(url) as client:
        ask(client)
        assert upstream.wait_seen()
        time.sleep(0.1)
    assert upstream.wait_gone(seconds=0.35)
    assert eventually(lambda: passing.gone == 1, 1)


def test_a_client_that_does_not_read_holds_up_the_upstream(
    upstream: Upstream, passing: Passing, url: str
) -> None:
    upstream.reply(stream([b"data: " + b"x" * 65536 + b"\n\n"] * 2000))
    with dial(url) as client:
        ask(client)
        assert upstream.wait_seen()
        time.sleep(0.5)
        waiting = sum(map(len, passing.chunks))
        time.sleep(0.2)
        assert sum(map(len, passing.chunks)) == waiting < 60 << 20
    assert upstream.wait_gone()


def test_many_clients_that_go(upstream: Upstream, passing: Passing, url: str) -> None:
    upstream.reply(*(hang() for _ in range(50)))
    clients = [dial(url) for _ in range(50)]
    for client in clients:
        ask(client)
    assert upstream.wait_seen(50)
    for client in clients:
        client.close()
    assert upstream.wait_gone(50)
    assert get(url)[0].startswith(b"http/1.1 404")
    assert passing.gone == 50


class Shout:
    def __init__(self) -> None:
        self.seen = 0

    def feed(self, chunk: bytes) -> bytes:
        self.seen += len(chunk)
        return chunk.upper()

    def flush(self) -> bytes:
        return b": %d\n\n" % self.seen if self.seen else b""


def test_edits(upstream: Upstream, passing: Passing, url: str) -> None:
    upstream.reply(stream([b"data: a\n\n", b"data: b\n\n"]))
    passing.edit = Shout
    assert get(url)[1:] == (b"DATA: A\n\nDATA: B\n\n: 18\n\n", True)

    def whole() -> Edit:
        return WholeEdit(lambda body: body[::-1] + b"!")

    passing.edit = whole
    upstream.reply(plain(b"abc"), cut(b"abc", said=9))
    assert get(url)[1:] == (b"cba!", True)
    assert get(url)[0].startswith(b"http/1.1 502")
