"""What an upstream's failure is called, and the status that tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
from yarl import URL

from cprs_server.errors import ProxyError

FAILURES = (aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError)
"""What the client library raises for calls that fail, or cannot be sent."""

_REASONS: Sequence[tuple[type[BaseException], int, str, str]] = (
    (aiohttp.ConnectionTimeoutError, 504, "upstream_timeout", "no connection to {} in time"),
    (aiohttp.ServerTimeoutError, 504, "upstream_timeout", "{} said nothing for too long"),
    (
        aiohttp.ClientConnectorCertificateError,
        502,
        "upstream_unreachable",
        "the certificate of {} is not valid",
    ),
    (aiohttp.ClientConnectorDNSError, 502, "upstream_unreachable", "no such host: {}"),
    (aiohttp.ClientConnectorError, 502, "upstream_unreachable", "no connection to {}"),
    (aiohttp.ClientPayloadError, 502, "upstream_broke_off", "the answer of {} broke off"),
    (aiohttp.ClientResponseError, 502, "upstream_not_http", "{} answered with something not HTTP"),
    (
        aiohttp.ServerDisconnectedError,
        502,
        "upstream_broke_off",
        "{} closed the connection without an answer",
    ),
    (ValueError, 400, "invalid_header", "the request cannot be sent to {}: a header is not valid"),
)


def broken(error: BaseException, url: URL, *, began: bool = False) -> ProxyError:
    """The `ProxyError` for `error`, one of the client library's; `began`: within a response."""
    for kind, status, code, said in _REASONS:
        if isinstance(error, kind):
            return ProxyError(status, said.format(url.host), code=code)
    when = "in the middle of its answer" if began else "before it answered"
    return ProxyError(502, f"{url.host} broke off {when}", code="upstream_broke_off")
