"""A request as it comes in: who asks for what, before its body is read."""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from cprs_server.config.settings import Key
from cprs_server.live import Live
from cprs_server.upstream.base import Headers
from cprs_server.upstream.headers import header
from cprs_server.wire.base import Form
from cprs_server.wire.forms import form_at

KNOWN_ENDPOINT = "/v1/{path}"
"""What a request of no known form is called, whatever its path."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """`id` is ours. `path` and `query` as they were sent; `form`: None for what is only passed on.
    `headers` without a key of ours; `own`: it showed one, so its credentials are for no upstream.
    """

    id: str
    method: str
    path: str
    query: str
    headers: Headers
    form: Form | None
    key: Key | None
    own: bool

    @classmethod
    def of(cls, scope: MutableMapping[str, Any], live: Live, id: str) -> Incoming:
        """Of an ASGI scope, HTTP's or a WebSocket's. Raises `ProxyError` (401)."""
        headers: Headers = tuple(scope["headers"])
        key = live.keys.check(headers)
        left = live.keys.without(headers)
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        method = scope.get("method", "GET")
        return cls(
            id=id,
            method=method,
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers=left,
            form=form_at(method, path),
            key=key,
            own=key is not None and not _has_other(headers, left),
        )

    @classmethod
    def unknown(cls, scope: MutableMapping[str, Any], id: str) -> Incoming:
        """Of a request that was turned away before it was known who asks."""
        method, path = scope.get("method", "GET"), scope["path"]
        return cls(id, method, path, "", (), form_at(method, path), None, False)

    @property
    def mode(self) -> str | None:
        """What the header `x-cprs` says."""
        return header(self.headers, b"x-cprs") or None

    @property
    def endpoint(self) -> str:
        """The template of its path: what logs and metrics call it by."""
        return self.path if self.form is not None else KNOWN_ENDPOINT


def new_id() -> str:
    """A request's name: 96 random bits."""
    return f"cprs-{secrets.token_hex(12)}"


def _has_other(headers: Headers, left: Headers) -> bool:
    """Whether beside a key of ours there is another credential, which is for the upstream."""
    names = (b"authorization", b"x-api-key", b"api-key")
    return len(left) < len(headers) and any(name in names for name, _ in left)
