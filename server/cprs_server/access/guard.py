"""The first thing a request meets: what is malformed, oversized or ambiguous goes no further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from cprs_server.access.heads import METHODS, Refusal, wrong_head
from cprs_server.access.origins import allowed_origin, with_cors
from cprs_server.access.paths import wrong_path
from cprs_server.wire.forms import errors_at


class Bounds(Protocol):
    """The part of the limits that is checked here."""

    @property
    def header_bytes(self) -> int: ...


def guard(app: ASGIApp, limits: Bounds, *, cors: Sequence[str] = ()) -> ASGIApp:
    """`app` behind checks of each request's method, path, headers and origin.

    What is refused is answered in the form that the path's clients read, and its connection is
    closed, since where the next request begins may be in doubt. `cors`: origins whose web pages may
    ask. Costs some 10 µs a request. Memory while a head is still arriving is bounded by
    `cprs_server.protocol`, since an app only sees whole heads.
    """
    return _Guard(with_cors(app, cors), limits.header_bytes, frozenset(o.lower() for o in cors))


class _Guard:
    __slots__ = ("_app", "_most", "_origins")

    def __init__(self, app: ASGIApp, most: int, origins: frozenset[str]) -> None:
        self._app = app
        self._most = most
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            refusal = self._wrong(scope)
            if refusal is not None:
                await _refuse(scope, send, refusal)
                return
        await self._app(scope, receive, send)

    def _wrong(self, scope: Scope) -> Refusal | None:
        method = scope.get("method", "GET")
        if method not in METHODS:
            return 405, "method_not_allowed", "this method is not for here"
        raw = scope.get("raw_path") or scope["path"].encode()
        if len(raw) + len(scope["query_string"]) > self._most:
            return 414, "url_too_long", f"the URL takes more than {self._most} bytes"
        wrong = wrong_path(raw)
        if wrong is not None:
            return 400, "invalid_path", wrong
        headers = scope["headers"]
        refusal = wrong_head(
            headers, most_bytes=self._most, version=scope.get("http_version", "1.1")
        )
        return refusal or self._wrong_origin(headers)

    def _wrong_origin(self, headers: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
        origin = host = b""
        for name, value in headers:
            if name == b"origin":
                origin = value
            elif name == b"host":
                host = value
        if not origin or allowed_origin(origin, host, self._origins):
            return None
        said = origin[:200].decode("ascii", "backslashreplace")
        return (
            403,
            "origin_not_allowed",
            f"web pages of {said} may not ask here; list the origin under cors in the "
            "configuration if they should",
        )


async def _refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    status, code, message = refusal
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": code})
            return
    body = errors_at(scope["path"]).error(status, message, code=code)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    if status == 405:
        headers.append((b"allow", ", ".join(sorted(METHODS)).encode()))
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body if scope.get("method") != "HEAD" else b""})
