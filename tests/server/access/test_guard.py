"""What two servers could read in two ways gets no further than the guard."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import Any

import pytest
from cprs_server.access.guard import guard
from guarded import Bounds, app, ask, code, run, status
from loopback import served


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get"])
def test_methods(method: str) -> None:
    sent = ask(method=method)
    assert sent[0]["status"] == 405
    assert b"POST" in dict(sent[0]["headers"])[b"allow"]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([(b"content-length", b"3"), (b"transfer-encoding", b"chunked")], "ambiguous_length"),
        ([(b"content-length", b"3"), (b"content-length", b"3")], "repeated_header"),
        ([(b"content-length", b"3, 3")], "invalid_length"),
        ([(b"content-length", b"+3")], "invalid_length"),
        ([(b"content-length", b"9" * 30)], "invalid_length"),
        ([(b"transfer-encoding", b"gzip, chunked")], "invalid_encoding"),
        ([(b"transfer-encoding", b"\x0bchunked")], "invalid_header"),
        ([(b"transfer-encoding", b"chunked")] * 2, "repeated_header"),
        ([(b"host", b"other")], "repeated_header"),
        ([(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")], "repeated_header"),
        ([(b"x-a", b"b\r\nx-evil: 1")], "invalid_header"),
        ([(b"x-a", b"b\x00")], "invalid_header"),
        ([(b"x a", b"b")], "invalid_header"),
        ([(b"content-length ", b"3")], "invalid_header"),
        ([(b"", b"b")], "invalid_header"),
    ],
)
def test_headers_that_do_not_pass(headers: list[tuple[bytes, bytes]], said: str) -> None:
    path = b"/v1/chat/completions"
    assert status(path, *headers) == 400
    assert code(path, *headers) == said


def test_headers_have_bounds() -> None:
    path = b"/v1/chat/completions"
    assert status(path, (b"x-a", b"b" * 4000)) == 200
    assert status(path, (b"x-a", b"b" * 4096)) == 431
    assert status(path, *[(b"x-a", b"b")] * 190) == 200
    assert status(path, *[(b"x-a", b"b")] * 250) == 431
    assert status(path, query_string=b"a" * 5000) == 414


def test_values_may_hold_what_people_write() -> None:
    assert status(b"/v1/x", (b"x-title", "é – \t✓".encode())) == 200


def test_a_host_is_needed() -> None:
    assert status(b"/v1/x", headers=[]) == 400
    assert status(b"/v1/x", headers=[], http_version="1.0") == 200


def test_told_in_the_form_of_the_path() -> None:
    anthropic = json.loads(ask(b"/v1/messages", method="TRACE")[1]["body"])
    assert anthropic["type"] == "error"
    openai = json.loads(ask(b"/v1/chat/completions", method="TRACE")[1]["body"])
    assert set(openai["error"]) == {"message", "type", "param", "code"}
    assert dict(ask(method="TRACE")[0]["headers"])[b"connection"] == b"close"


@pytest.mark.parametrize(
    "origin",
    [
        b"https://evil.example",
        b"null",
        b"http://127.0.0.1:9999",
        b"https://127.0.0.1:8788.evil.example",
        b"\xff\xfe",
    ],
)
def test_pages_of_other_sites_are_refused(origin: bytes) -> None:
    assert status(b"/v1/chat/completions", (b"origin", origin)) == 403
    listed = ("https://app.example",)
    assert status(b"/v1/chat/completions", (b"origin", origin), cors=listed) == 403
    assert status(b"/v1/x", (b"origin", origin), method="OPTIONS") == 403


def test_a_name_pointed_here_is_no_page_of_ours() -> None:
    """DNS rebinding: the page's own name leads to this machine."""
    headers = [(b"host", b"evil.example:8788"), (b"origin", b"http://evil.example:8788")]
    assert status(b"/v1/x", headers=headers) == 403


def test_pages_of_ours_and_listed_ones_pass() -> None:
    assert status(b"/v1/x", (b"origin", b"http://127.0.0.1:8788")) == 200
    own = [(b"host", b"localhost:1"), (b"origin", b"http://localhost:1")]
    assert status(b"/v1/x", headers=own) == 200
    origin = (b"origin", b"https://app.example")
    sent = ask(b"/v1/x", origin, cors=("https://app.example",))
    assert sent[0]["status"] == 200
    assert (b"access-control-allow-origin", b"https://app.example") in sent[0]["headers"]
    assert status(b"/v1/x", origin, cors=("*",)) == 200


def test_cors_is_off_by_default() -> None:
    sent = ask(b"/v1/x", (b"origin", b"http://127.0.0.1:8788"))
    assert not [name for name, _ in sent[0]["headers"] if name.startswith(b"access-control")]


def test_preflight_for_a_listed_origin() -> None:
    sent = ask(
        b"/v1/chat/completions",
        (b"origin", b"https://app.example"),
        (b"access-control-request-method", b"POST"),
        (b"access-control-request-headers", b"authorization,x-cprs"),
        method="OPTIONS",
        cors=("https://app.example",),
    )
    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == 200
    assert headers[b"access-control-allow-headers"] == b"authorization,x-cprs"


def test_websockets_of_other_sites_are_refused() -> None:
    evil = (b"origin", b"https://evil.example")
    assert ask(b"/v1/realtime", kind="websocket")[0]["type"] == "websocket.accept"
    assert ask(b"/v1/realtime", evil, kind="websocket") == [
        {"type": "websocket.close", "code": 1008, "reason": "origin_not_allowed"}
    ]
    told = ask(b"/v1/realtime", evil, kind="websocket", extensions={"websocket.http.response": {}})
    assert told[0] | {"headers": []} == {
        "type": "websocket.http.response.start",
        "status": 403,
        "headers": [],
    }


def test_lifespan_passes() -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def none() -> Any: ...

    async def send(message: Any) -> None: ...

    asyncio.run(run(guard(inner, Bounds()), {"type": "lifespan"}, none, send))
    assert seen == ["lifespan"]


def raw(url: str, data: bytes) -> bytes:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(data)
        connection.settimeout(5)
        said = b""
        while part := connection.recv(65536):
            said += part
        return said


CL_TE = (
    b"POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: close\r\n\r\n0\r\n\r\nG"
)


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize(
    "data",
    [
        CL_TE,
        CL_TE.replace(b"chunked", b"Chunked"),
        CL_TE.replace(b"Transfer-Encoding:", b"Transfer-Encoding :"),
        CL_TE.replace(b"Content-Length: 6\r\n", b"").replace(b"chunked", b"xchunked"),
        CL_TE.replace(b"Transfer-Encoding: chunked", b"Content-Length: 7"),
        b"GET http://evil.example HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /v1/../x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"GET /v1/x HTTP/1.1\r\nHost: h\r\nX-A: b\x00c\r\nConnection: close\r\n\r\n",
        b"GET /v1/x HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"TRACE /v1/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ],
)
def test_over_real_sockets_nothing_odd_is_answered(http: str, data: bytes) -> None:
    with served(guard(app, Bounds()), http=http, lifespan="off") as url:
        said = raw(url, data)
    assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 405", b"HTTP/1.1 501"))
    assert said.count(b"HTTP/1.1") == 1


def test_over_real_sockets_the_rest_is() -> None:
    data = CL_TE.replace(b"Content-Length: 6\r\n", b"").replace(
        b"0\r\n\r\nG", b"2\r\nhi\r\n0\r\n\r\n"
    )
    with served(guard(app, Bounds()), http="httptools", lifespan="off") as url:
        assert b'{"path": "/v1/x", "body": "hi"}' in raw(url, data)


def test_costs_microseconds() -> None:
    """Generously, as other programs run meanwhile: it is a few times less."""
    headers = [
        (b"host", b"127.0.0.1:8788"),
        *((b"x-stainless-%d" % n, b"v" * 20) for n in range(20)),
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/chat/completions",
        "raw_path": b"/v1/chat/completions",
        "query_string": b"",
        "headers": headers,
    }

    async def nothing(*_: Any) -> None: ...

    async def best() -> float:
        guarded = guard(nothing, Bounds())
        times = []
        for _ in range(300):
            before = time.perf_counter()
            await guarded(scope, nothing, nothing)  # type: ignore[arg-type]
            times.append(time.perf_counter() - before)
        return min(times)

    assert asyncio.run(best()) < 100e-6
