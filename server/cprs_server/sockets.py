"""A WebSocket from its handshake to its end: joined to one at the only upstream there is."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from cprs_server.access.limits import Limits
from cprs_server.account import Account, Begun
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming
from cprs_server.live import Live
from cprs_server.upstream.disconnect import Receive
from cprs_server.upstream.headers import request_headers
from cprs_server.upstream.websocket import WebSocketTransport, pass_websocket
from cprs_server.urls import upstream_url


async def answer_socket(
    asked: Incoming,
    live: Live,
    account: Account,
    scope: MutableMapping[str, Any],
    receive: Receive,
    send: Begun,
    *,
    limits: Limits,
    transport: WebSocketTransport,
) -> None:
    """Join it, as one request of its key. Raises `ProxyError` (404, 429) before the handshake."""
    limits.take(asked.key)
    routed = account.routed = live.router.route("", None, asked.key)
    if routed.upstream is None:
        raise ProxyError(404, "there is no upstream to join this WebSocket to")
    upstream, account.upstream = routed.upstream, routed.name
    keep = not asked.own and upstream.api_key is None and upstream.auth != "none"

    async def told(message: MutableMapping[str, Any]) -> None:
        if not send.begun:
            account.status = _handshake(message)
        await send(message)

    await pass_websocket(
        scope,
        receive,
        told,
        url=upstream_url(upstream, asked.path, asked.query),
        headers=request_headers(asked.headers, upstream, body=None, keep_auth=keep),
        transport=transport,
        keep_auth=keep,
    )


def _handshake(message: MutableMapping[str, Any]) -> int:
    """The status that the first message comes to."""
    return 101 if message["type"] == "websocket.accept" else int(message.get("status", 403))
