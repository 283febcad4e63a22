"""A WebSocket of a client, joined to one at the upstream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

import aiohttp

from cprs_server.errors import ProxyError
from cprs_server.upstream.base import Headers
from cprs_server.upstream.disconnect import Receive
from cprs_server.upstream.handshake import Refused
from cprs_server.upstream.headers import handshake_headers, response_headers

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Browsers cannot set headers, so a key may come as a protocol.
_KEY_PROTOCOL = "openai-insecure-api-key."
_SENDABLE = {1005: 1000, 1006: 1011, 1015: 1011}  # for codes that no frame may carry
# One side left while something was on its way to it.
_GONE = (aiohttp.ClientError, OSError, asyncio.TimeoutError)


class WebSocketTransport(Protocol):
    """What opens WebSockets: `cprs_server.upstream.transport.HttpTransport`."""

    async def websocket(
        self, url: str, headers: Headers, protocols: Sequence[str]
    ) -> aiohttp.ClientWebSocketResponse[bool]:
        """Raises `Refused` and `ProxyError`."""
        ...


async def pass_websocket(
    scope: MutableMapping[str, Any],
    receive: Receive,
    send: Send,
    *,
    url: str,
    headers: Headers,
    transport: WebSocketTransport,
    keep_auth: bool = True,
) -> None:
    """Joins the WebSocket of an ASGI `scope` to one at `url` until either side closes.

    `headers` as `request_headers` gives them. Text and binary messages go both ways whole and
    unchanged, close codes and reasons too. The client's handshake is answered when the upstream's
    is: with its protocol, or with its refusal. `keep_auth`: a key among the protocols goes along.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    offered = [
        each for each in scope["subprotocols"] if keep_auth or not each.startswith(_KEY_PROTOCOL)
    ]
    try:
        upstream = await transport.websocket(url, handshake_headers(headers), offered)
    except Refused as refused:
        await _refuse(scope, send, refused)
        return
    except ProxyError as error:
        body = {"error": {"message": error.message, "type": "api_error", "code": error.code}}
        told = ((b"content-type", b"application/json"),)
        await _refuse(scope, send, Refused(error.status, told, json.dumps(body).encode()))
        return
    try:
        await send({"type": "websocket.accept", "subprotocol": upstream.protocol, "headers": []})
        await _join(receive, send, upstream)
    finally:
        # Does not wait for a closing handshake that has not been made by now.
        if not upstream.closed:
            upstream._response.close()


async def _join(
    receive: Receive, send: Send, upstream: aiohttp.ClientWebSocketResponse[bool]
) -> None:
    up = asyncio.ensure_future(_to_upstream(receive, upstream))
    down = asyncio.ensure_future(_to_client(upstream, send))
    try:
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (up, down):
            task.cancel()
        sent, received = await asyncio.gather(up, down, return_exceptions=True)
    for result in (sent, received):
        if isinstance(result, Exception) and not isinstance(result, _GONE):
            raise result
    if isinstance(sent, tuple):
        code, reason = sent
        await upstream.close(code=code, message=reason)


async def _to_upstream(
    receive: Receive, upstream: aiohttp.ClientWebSocketResponse[bool]
) -> tuple[int, bytes]:
    """Until the client closes; with which code and reason."""
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        if text is not None:
            await upstream.send_str(text)
        else:
            await upstream.send_bytes(message["bytes"])
    code = message.get("code") or 1005
    return _SENDABLE.get(code, code), (message.get("reason") or "").encode()


async def _to_client(upstream: aiohttp.ClientWebSocketResponse[bool], send: Send) -> None:
    code, reason = 1011, "the upstream broke off"
    while True:
        message = await upstream.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
        elif message.type is aiohttp.WSMsgType.BINARY:
            await send({"type": "websocket.send", "bytes": message.data})
        else:
            if message.type is aiohttp.WSMsgType.CLOSE:
                code, reason = message.data, message.extra or ""
            break
    await send({"type": "websocket.close", "code": _SENDABLE.get(code, code), "reason": reason})


async def _refuse(scope: MutableMapping[str, Any], send: Send, refused: Refused) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": str(refused)})
        return
    headers = handshake_headers(tuple(response_headers(refused.headers, same_length=False)))
    await send(
        {
            "type": "websocket.http.response.start",
            "status": refused.status,
            "headers": [*headers, (b"content-length", b"%d" % len(refused.body))],
        }
    )
    await send({"type": "websocket.http.response.body", "body": refused.body, "more_body": False})
