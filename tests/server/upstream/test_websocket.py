"""A WebSocket through to another one, with real clients and servers at both ends."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cprs_server.config.settings import Upstream
from cprs_server.upstream.headers import request_headers
from cprs_server.upstream.transport import HttpTransport
from cprs_server.upstream.websocket import pass_websocket
from loopback import served
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "x-api-key": "client",
}
KEY_PROTOCOL = "openai-insecure-api-key.sk-client"


@contextmanager
def speaking(handler: Callable[[ServerConnection], None], **more: Any) -> Iterator[str]:
    with serve(handler, "127.0.0.1", 0, **more) as server:
        thread = threading.Thread(target=run, args=(server,))
        thread.start()
        port = server.socket.getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.shutdown()
            thread.join(5)


def run(server: Server) -> None:
    server.serve_forever()


class App:
    def __init__(self, url: str, key: str | None = None) -> None:
        self.there = Upstream(url=url, api_key=SecretStr(key) if key else None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.transport = HttpTransport()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self.transport.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        own = self.there.api_key is not None
        await pass_websocket(
            scope,
            receive,
            send,
            url=f"{self.there.url}{scope['path']}?{scope['query_string'].decode()}",
            headers=request_headers(scope["headers"], self.there, body=None),
            transport=self.transport,
            keep_auth=not own,
        )


@contextmanager
def joined(
    handler: Callable[[ServerConnection], None], *, key: str | None = None, **more: Any
) -> Iterator[str]:
    with speaking(handler, **more) as there, served(App(there, key), ws_max_size=1 << 26) as url:
        yield url.replace("http", "ws") + "/v1/realtime?model=m"


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def test_messages_go_both_ways_unchanged() -> None:
    with joined(echo, max_size=None) as url, connect(url, max_size=None) as client:
        for message in ("", "text é 😀", b"", b"\x00\xff", "x" * 3_000_000, b"y" * 3_000_000):
            client.send(message)
            assert client.recv(5) == message


def test_the_handshake_goes_on() -> None:
    seen: list[ServerConnection] = []

    def handler(connection: ServerConnection) -> None:
        seen.append(connection)
        connection.send("hello")

    headers = {"Authorization": "Bearer client", "OpenAI-Beta": "realtime=v1", "x-cprs": "off"}
    protocols = [Subprotocol("realtime"), Subprotocol(KEY_PROTOCOL)]
    with (
        joined(handler, subprotocols=[Subprotocol("realtime")]) as url,
        connect(url, additional_headers=headers, subprotocols=protocols) as client,
    ):
        assert client.recv(5) == "hello"
        assert client.subprotocol == "realtime"
    request = seen[0].request
    assert request is not None
    assert request.path == "/v1/realtime?model=m"
    assert request.headers["authorization"] == "Bearer client"
    assert request.headers["openai-beta"] == "realtime=v1"
    assert request.headers["sec-websocket-protocol"] == f"realtime,{KEY_PROTOCOL}"
    assert "x-cprs" not in request.headers


def test_a_key_of_the_upstream_takes_the_place_of_the_clients() -> None:
    seen: list[str] = []

    def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(str(connection.request.headers))

    protocols = [Subprotocol("realtime"), Subprotocol(KEY_PROTOCOL)]
    with (
        joined(handler, key="sk-ours", subprotocols=[Subprotocol("realtime")]) as url,
        connect(
            url, additional_headers={"Authorization": "Bearer client"}, subprotocols=protocols
        ) as client,
        pytest.raises(ConnectionClosed),
    ):
        client.recv(5)
    assert "sk-ours" in seen[0]
    assert "client" not in seen[0]


def test_the_upstream_closes() -> None:
    def handler(connection: ServerConnection) -> None:
        connection.send("last")
        connection.close(4321, "enough")

    with joined(handler) as url, connect(url) as client:
        assert client.recv(5) == "last"
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(5)
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4321, "enough")


def test_the_upstream_breaks_off() -> None:
    def handler(connection: ServerConnection) -> None:
        connection.send("last")
        connection.socket.close()

    with joined(handler) as url, connect(url) as client:
        assert client.recv(5) == "last"
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1011


@pytest.mark.parametrize("abruptly", [False, True])
def test_the_client_goes(abruptly: bool) -> None:
    closed: list[tuple[int, str]] = []

    def handler(connection: ServerConnection) -> None:
        connection.send("hello")
        with pytest.raises(ConnectionClosed) as caught:
            connection.recv(5)
        assert caught.value.rcvd is not None
        closed.append((caught.value.rcvd.code, caught.value.rcvd.reason))

    with joined(handler) as url, connect(url) as client:
        client.recv(5)
        if abruptly:
            client.socket.close()
        client.close(4000, "bye")
        until = time.monotonic() + 5
        while not closed and time.monotonic() < until:
            time.sleep(0.01)
    assert closed == [(1000, "") if abruptly else (4000, "bye")]


def test_the_upstreams_refusal_is_the_clients() -> None:
    def refuse(connection: ServerConnection, request: Any) -> Any:
        response = connection.respond(401, '{"error": "no key"}')
        response.headers["x-request-id"] = "r1"
        return response

    with joined(echo, process_request=refuse) as url, pytest.raises(InvalidStatus) as caught:
        connect(url)
    response = caught.value.response
    assert (response.status_code, response.body) == (401, b'{"error": "no key"}')
    assert response.headers["x-request-id"] == "r1"


def test_redirects_are_not_followed() -> None:
    reached: list[str] = []

    def other(connection: ServerConnection) -> None:
        reached.append("here")

    with speaking(other) as elsewhere:

        def away(connection: ServerConnection, request: Any) -> Any:
            response = connection.respond(307, "")
            response.headers["location"] = elsewhere
            return response

        with joined(echo, process_request=away) as url:
            host, _, path = url.removeprefix("ws://").partition("/")
            client = http.client.HTTPConnection(host)
            client.request("GET", "/" + path, headers=HANDSHAKE)
            response = client.getresponse()
            response.read()
            client.close()
    assert response.status == 307
    assert response.headers["location"] == elsewhere
    assert reached == []


def test_no_upstream() -> None:
    with speaking(echo) as there:
        pass  # its port is free again
    with served(App(there)) as url, pytest.raises(InvalidStatus) as caught:
        connect(url.replace("http", "ws") + "/v1/realtime")
    assert caught.value.response.status_code == 502
    assert b"no connection" in (caught.value.response.body or b"")
