"""Bounds on the head of a request, on real sockets."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import cprs_server.protocol as protocol
import pytest
import uvicorn
from cprs_server.protocol import BoundedHead

MOST = 2_000


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """A server of `echo`; its port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            echo,
            http=BoundedHead,
            lifespan="off",
            log_config=None,
            log_level="critical",
            h11_max_incomplete_event_size=MOST,
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        await running


def exchange(*parts: bytes) -> bytes:
    """What a server says to bytes that are sent one after the other, until it closes."""
    answer = bytearray()

    async def listen(reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):  # closed with bytes still under way
            while chunk := await reader.read(65_536):
                answer.extend(chunk)

    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            listening = asyncio.create_task(listen(reader))
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0.02)
            await asyncio.wait_for(listening, 20)
            writer.close()

    asyncio.run(run())
    return bytes(answer)


def request(head: bytes = b"", body: bytes = b"", path: bytes = b"/") -> bytes:
    length = f"content-length: {len(body)}\r\n".encode()
    return b"POST " + path + b" HTTP/1.1\r\nhost: x\r\n" + length + head + b"\r\n" + body


CLOSE = b"connection: close\r\n"


def test_a_long_body_after_a_short_head() -> None:
    answer = exchange(request(CLOSE, b"a" * 100_000))
    assert answer.endswith(b"\r\n\r\n100000")


def test_many_requests_on_one_connection() -> None:
    answer = exchange(*[request(body=b"a" * 900)] * 5, request(CLOSE, b"b"))
    assert answer.count(b"200 OK") == 6


@pytest.mark.parametrize(
    "parts",
    [
        [request(b"a: " + b"b" * MOST + b"\r\n")],
        [request(b"a: b\r\n" * (MOST // 6))],
        [request(path=b"/" + b"a" * MOST)],
        [request(b"a: ")[:-2], *[b"b" * 500] * 6],
        [request(body=b"x"), request(b"a: " + b"b" * MOST + b"\r\n")],
    ],
    ids=["one header", "many headers", "path", "a header without end", "second request"],
)
def test_a_long_head_is_refused(parts: list[bytes]) -> None:
    answer = exchange(*parts)
    head, _, body = answer.rpartition(b"\r\n\r\n")
    assert b"HTTP/1.1 431 " in head
    assert json.loads(body)["error"]["message"] == (
        "the head of the request is longer than 2,000 bytes"
    )


def chunked(*chunks: bytes, head: bytes = b"") -> bytes:
    begin = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n" + head + b"\r\n"
    return begin + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


@pytest.mark.parametrize(
    "parts",
    [
        [b"0\r\na: ", *[b"b" * 500] * 6],
        [b"0\r\n" + b"a: b\r\n" * (MOST // 6), b"\r\n"],
        [b"0\r\n" + b"a: b\r\n" * 10, *[b"a: b\r\n" * 50] * 8],
        [b"2;", *[b"x" * 500] * 6],
        [b"0" * 500 for _ in range(6)],
    ],
    ids=["without end", "many", "many, slowly", "an extension without end", "a size without end"],
)
def test_long_trailers_are_refused(parts: list[bytes]) -> None:
    answer = exchange(chunked(b"a" * 5000, b"b" * 3), *parts)
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert answer.count(b"HTTP/1.1 ") == 1


def test_trailers_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[tuple[bytes, bytes]]] = []
    whole = echo

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        await whole(scope, receive, send)
        seen.append(scope["headers"])

    monkeypatch.setitem(globals(), "echo", noting)
    sent = chunked(b"ab", b"c", head=CLOSE) + b"0\r\nauthorization: Bearer x\r\n\r\n"
    assert exchange(sent).endswith(b"\r\n\r\n3")
    assert [name for name, _ in seen[0]] == [b"host", b"transfer-encoding", b"connection"]


def test_a_body_of_many_small_chunks() -> None:
    sent = chunked(*[b"a"] * (2 * MOST), head=CLOSE) + b"0\r\n\r\n"
    assert exchange(sent[:3000], sent[3000:]).endswith(b"\r\n\r\n4000")


def test_an_answer_that_has_begun_is_not_mixed_with_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        await receive()
        await receive()

    monkeypatch.setitem(globals(), "echo", half)
    answer = exchange(chunked(b"a"), b"no size\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.endswith(b"half\r\n")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\na\x00b: c\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    ],
    ids=["TLS", "NUL in a name", "two ways of length", "two lengths"],
)
def test_what_is_no_http_is_refused(sent: bytes) -> None:
    assert exchange(sent).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", request(body=b"x") + b"GET"])
def test_a_head_that_does_not_come(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(protocol, "_SECONDS", 0.2)
    answer = exchange(sent)
    assert answer.count(b"HTTP/1.1 ") == (1 if b"POST" in sent else 0)


def test_a_body_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_SECONDS", 0.05)
    sent = request(CLOSE, b"a" * 20)
    answer = exchange(sent[:-15], *(bytes([byte]) for byte in sent[-15:]))
    assert answer.endswith(b"\r\n\r\n20")


def test_an_absolute_target_is_not_ours() -> None:
    said = exchange(b"GET http://other.example/v1/x HTTP/1.1\r\nhost: a\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ")


def test_what_comes_behind_a_request_does_not_cut_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "_SECONDS", 0.15)

    quick = echo

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.5)
        await quick(scope, receive, send)

    monkeypatch.setitem(globals(), "echo", slow)
    head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab"
    assert exchange(head, b"\r\n").endswith(b"\r\n\r\n2")
