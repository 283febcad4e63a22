"""The handshake of a WebSocket with an upstream."""

from __future__ import annotations

import aiohttp

from cprs_server.upstream.base import Headers

_MOST_BODY = 1 << 16


class Refused(Exception):
    """The upstream answered the handshake with a response of its own, no WebSocket."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(f"the upstream refused with status {status}")
        self.status = status
        self.headers = headers
        self.body = body


async def only_switching(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Middleware that raises `Refused` for any response but 101: the client library would follow
    redirects, credentials and all, and drop the body that says what is wrong."""
    response = await handler(request)
    if response.status == 101:
        return response
    try:
        body = await response.content.read(_MOST_BODY)
    finally:
        response.close()
    headers = tuple((name.lower(), value) for name, value in response.raw_headers)
    raise Refused(response.status, headers, body)
