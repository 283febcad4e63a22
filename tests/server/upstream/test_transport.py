"""Calls reach a real server unchanged, and what goes wrong has a name."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from cprs_server.errors import ProxyError
from cprs_server.upstream.base import Call, Headers
from cprs_server.upstream.transport import HttpTransport
from programmable import (
    Close,
    Hang,
    Pause,
    Script,
    Upstream,
    after,
    cut,
    garbage,
    hang,
    plain,
    reset,
    stream,
)

T = TypeVar("T")


def run(work: Callable[[HttpTransport], Awaitable[T]]) -> T:
    async def main() -> T:
        transport = HttpTransport()
        try:
            return await work(transport)
        finally:
            await transport.close()

    return asyncio.run(main())


async def fetch(transport: HttpTransport, call: Call) -> tuple[int, Headers, bytes]:
    reply = await transport.send(call)
    body = b"".join([part async for part in reply.body()])
    await reply.close()
    return reply.status, reply.headers, body


def post(upstream: Upstream, path: str = "/v1/x", body: bytes = b"{}", **more: float) -> Call:
    return Call("POST", upstream.url + path, ((b"x-tag", b"a"),), body, **more)


def failing(call: Call) -> ProxyError:
    with pytest.raises(ProxyError) as caught:
        run(lambda transport: fetch(transport, call))
    return caught.value


def test_nothing_is_added_or_changed(upstream: Upstream) -> None:
    upstream.reply(plain(b"{ }", headers=[("X-Two", "1"), ("X-Two", "é"), ("Set-Cookie", "a=b")]))
    headers = ((b"x-b", b"2"), (b"x-a", "é".encode()), (b"x-b", b"1"))
    path = "/v1/a%2Fb//c;d?q=%20+%7e&q=&r=a%26b"
    got = run(lambda t: fetch(t, Call("POST", upstream.url + path, headers, b"\x00\xff")))
    assert got == (
        200,
        (
            (b"content-type", b"application/json"),
            (b"content-length", b"3"),
            (b"x-two", b"1"),
            (b"x-two", b"\xe9"),
            (b"set-cookie", b"a=b"),
        ),
        b"{ }",
    )
    (seen,) = upstream.seen
    assert (seen.method, seen.target, seen.body) == ("POST", path, b"\x00\xff")
    assert seen.headers[1:4] == headers
    assert [name for name, _ in seen.headers] == [
        b"Host",
        b"x-b",
        b"x-a",
        b"x-b",
        b"Content-Length",
    ]


def test_without_a_body(upstream: Upstream) -> None:
    run(lambda t: fetch(t, Call("GET", upstream.url + "/v1/models", (), None)))
    assert [name for name, _ in upstream.seen[0].headers] == [b"Host"]


def test_a_long_body_arrives(upstream: Upstream) -> None:
    body = bytes(range(256)) * 40_000
    run(lambda t: fetch(t, post(upstream, body=body)))
    assert upstream.seen[0].body == body


def test_connections_are_kept_and_cookies_are_not(upstream: Upstream) -> None:
    async def several(transport: HttpTransport) -> None:
        for _ in range(3):
            upstream.reply(plain({}, headers=[("Set-Cookie", "session=1; Path=/")]))
            await fetch(transport, post(upstream))

    run(several)
    assert upstream.connections == 1
    assert [seen.header("cookie") for seen in upstream.seen] == [None] * 3


def test_redirects_are_not_followed(upstream: Upstream) -> None:
    upstream.reply(plain({}, status=307, headers=[("Location", upstream.url + "/v1/other")]))
    status, headers, _ = run(lambda t: fetch(t, post(upstream)))
    assert status == 307
    assert (b"location", upstream.url.encode() + b"/v1/other") in headers
    assert len(upstream.seen) == 1


def test_compressed_bytes_stay_so(upstream: Upstream) -> None:
    upstream.reply(plain(b"\x1f\x8b not really", headers=[("Content-Encoding", "gzip")]))
    assert run(lambda t: fetch(t, post(upstream)))[2] == b"\x1f\x8b not really"


def test_parts_come_as_they_are_sent(upstream: Upstream) -> None:
    upstream.reply(stream([b"data: 1\n\n", b"data: 2\n\n"], gap=0.1))

    async def times(transport: HttpTransport) -> list[tuple[bytes, float]]:
        reply = await transport.send(post(upstream))
        return [(part, time.monotonic()) async for part in reply.body()]

    (first, early), (second, late) = run(times)
    assert (first, second) == (b"data: 1\n\n", b"data: 2\n\n")
    assert late - early > 0.05


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (reset(), 502, "upstream_broke_off"),
        (Script((Close(),)), 502, "upstream_broke_off"),
        (garbage(), 502, "upstream_not_http"),
        (
            Script((b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",)),
            502,
            "upstream_not_http",
        ),
        (Script((b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",)), 502, "upstream_not_http"),
        (hang(), 504, "upstream_timeout"),
        (Script((b"HTTP/1.1 200 OK\r\nConte", Hang())), 504, "upstream_timeout"),
        (after(1, plain({})), 504, "upstream_timeout"),
        (cut(b"{", said=10), 502, "upstream_broke_off"),
        (stream([b"data: 1\n\n"], ending=Close()), 502, "upstream_broke_off"),
        (stream([b"data: 1\n\n"], gap=0.05, ending=b"zz\r\n"), 502, "upstream_broke_off"),
        (stream([b"data: 1\n\n"], ending=Hang()), 504, "upstream_timeout"),
    ],
)
def test_faults_have_names(upstream: Upstream, script: Script, status: int, code: str) -> None:
    upstream.reply(script)
    error = failing(post(upstream, first_byte=0.3))
    assert (error.status, error.code) == (status, code)
    assert "127.0.0.1" in error.message
    assert len(upstream.seen) == 1


def test_no_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # but does not listen
        error = failing(Call("GET", f"http://127.0.0.1:{taken.getsockname()[1]}/", (), None))
    assert (error.status, error.code) == (502, "upstream_unreachable")
    error = failing(Call("GET", "http://no-such-host.invalid/", (), None))
    assert (error.status, error.code) == (502, "upstream_unreachable")


def test_a_server_that_does_not_read() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        error = failing(Call("POST", url, (), b"a" * (32 << 20), first_byte=0.3))
    assert (error.status, error.code) == (504, "upstream_timeout")


@pytest.mark.parametrize(
    "call",
    [
        Call("GET", "http://127.0.0.1:9/a b", (), None),
        Call("GET", "http://127.0.0.1:9/a\r\nX: y", (), None),
        Call("GET", "http://127.0.0.1:9/a#b", (), None),
        Call("GET", "ftp://127.0.0.1:9/a", (), None),
    ],
)
def test_what_cannot_be_sent_in_a_line(call: Call) -> None:
    assert failing(call).status == 400


@pytest.mark.parametrize("value", [b"a\r\nx-other: b", b"a\nb", b"\xff", b"a\0"])
def test_headers_that_cannot_be_sent(upstream: Upstream, value: bytes) -> None:
    error = failing(Call("POST", upstream.url, ((b"x-a", value),), b"{}"))
    assert (error.status, error.code) == (400, "invalid_header")
    assert not upstream.seen


def test_a_connection_that_was_being_closed_is_replaced(upstream: Upstream) -> None:
    async def twice(transport: HttpTransport) -> int:
        await fetch(transport, post(upstream))
        upstream.reply(reset())
        return (await fetch(transport, post(upstream)))[0]

    assert run(twice) == 404
    assert len(upstream.seen) == 3


def test_what_was_worked_on_is_not_sent_again(upstream: Upstream) -> None:
    async def twice(transport: HttpTransport) -> None:
        await fetch(transport, post(upstream))
        upstream.reply(Script((Pause(1.2), Close())))
        await fetch(transport, post(upstream))

    with pytest.raises(ProxyError, match="without an answer"):
        run(twice)
    assert len(upstream.seen) == 2


def test_closing_a_reply_stops_the_upstream(upstream: Upstream) -> None:
    upstream.reply(stream([b"data: 1\n\n"], ending=Hang()))

    async def leave(transport: HttpTransport) -> bool:
        reply = await transport.send(post(upstream))
        await reply.close()
        return await asyncio.to_thread(upstream.wait_gone)

    assert run(leave)


def test_cancelling_stops_the_upstream(upstream: Upstream) -> None:
    upstream.reply(hang())

    async def cancel(transport: HttpTransport) -> bool:
        task = asyncio.ensure_future(transport.send(post(upstream, first_byte=60)))
        assert await asyncio.to_thread(upstream.wait_seen)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.to_thread(upstream.wait_gone)

    assert run(cancel)
