"""The calls that a request becomes: to its upstream, then to that one's fallbacks."""

from __future__ import annotations

from cprs_server.config.settings import Upstream
from cprs_server.incoming import Incoming
from cprs_server.routing import Routed
from cprs_server.upstream.base import Call, Headers
from cprs_server.upstream.headers import request_headers
from cprs_server.urls import upstream_url


def calls_of(
    asked: Incoming,
    routed: Routed,
    body: bytes | None,
    *,
    decoded: bool = True,
    identity: bool = False,
) -> list[tuple[str, Call]]:
    """To the upstream, then to its fallbacks; the client's own credentials are for the first
    alone, so a fallback without a key of its own is left out."""
    assert routed.upstream is not None
    first = [(routed.name, routed.upstream, not asked.own)]
    others = [
        (name, upstream, False)
        for name, upstream in routed.fallbacks
        if upstream.api_key is not None or upstream.auth == "none"
    ]
    calls = []
    for name, upstream, keep in [*first, *others]:
        headers = request_headers(
            asked.headers,
            upstream,
            body=body,
            keep_auth=keep,
            decoded=decoded,
            identity=identity,
        )
        calls.append((name, _call(asked, upstream, headers, body)))
    return calls


def _call(asked: Incoming, upstream: Upstream, headers: Headers, body: bytes | None) -> Call:
    return Call(
        method=asked.method,
        url=upstream_url(upstream, asked.path, asked.query),
        headers=headers,
        body=body,
        first_byte=upstream.first_byte_timeout,
        connect=upstream.connect_timeout,
    )


def traced(call: Call, outgoing: Headers) -> Call:
    """`call` with the headers that carry a trace, in place of the client's."""
    if not outgoing:
        return call
    names = {name for name, _ in outgoing}
    kept = tuple(pair for pair in call.headers if pair[0] not in names)
    return Call(call.method, call.url, (*kept, *outgoing), call.body, call.first_byte, call.connect)
