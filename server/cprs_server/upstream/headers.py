"""Which headers go on to the other side, in either direction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

from pydantic import SecretStr

from cprs_server.upstream.base import Headers

# RFC 9110 section 7.6.1, and what older software takes for the same.
_HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    )
)
# Said anew for the other connection. Cookies know no ports: those a browser has for another
# program on this host are none of the upstream's business.
_OF_THIS_SIDE = _HOP_BY_HOP | {b"host", b"content-length", b"expect", b"cookie"}
_HANDSHAKE = frozenset(
    (
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-extensions",
        b"sec-websocket-protocol",
        b"sec-websocket-accept",
    )
)
_AUTH = frozenset((b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"))
_OURS = b"x-cprs"


class Credentials(Protocol):
    """What `cprs_server.config.settings.Upstream` says of how to authenticate there."""

    @property
    def api_key(self) -> SecretStr | None: ...
    @property
    def auth(self) -> Literal["bearer", "x-api-key", "none"]: ...
    @property
    def headers(self) -> Mapping[str, SecretStr]: ...


def request_headers(
    client: Iterable[tuple[bytes, bytes]],
    upstream: Credentials,
    *,
    body: bytes | None,
    keep_auth: bool = True,
    decoded: bool = True,
    identity: bool = False,
) -> Headers:
    """The client's headers as they go to `upstream`, in their order.

    Left out: what concerns the connection, cookies, ours (`x-cprs...`), `content-encoding` where
    the body was `decoded`, and all content headers where `body` is None. The client's credentials
    go along unless the upstream has a key of its own or none at all (`auth` "none"), or `keep_auth`
    is false: they were meant for us, or for another host. `identity`: ask for a response that is
    not compressed, so that it can be read on the way.
    """
    secret = upstream.api_key
    drop = set(_OF_THIS_SIDE)
    if secret is not None or upstream.auth == "none" or not keep_auth:
        drop |= _AUTH
    if decoded or body is None:
        drop.add(b"content-encoding")
    if body is None:
        drop.add(b"content-type")
    if identity:
        drop.add(b"accept-encoding")
    fixed = [
        (name.lower().encode("ascii"), value.get_secret_value().encode())
        for name, value in upstream.headers.items()
    ]
    drop.update(name for name, _ in fixed)
    # Servers give names in lower case, but for those of WebSocket handshakes.
    kept = _kept([(name.lower(), value) for name, value in client], drop)
    if secret is not None and upstream.auth != "none":
        key = secret.get_secret_value().encode()
        said = (b"authorization", b"Bearer " + key)
        kept.append(said if upstream.auth == "bearer" else (b"x-api-key", key))
    if identity:
        kept.append((b"accept-encoding", b"identity"))
    return (*kept, *fixed)


def handshake_headers(headers: Headers) -> Headers:
    """Without what a WebSocket handshake says anew on each side."""
    return tuple(pair for pair in headers if pair[0] not in _HANDSHAKE)


def response_headers(
    upstream: Headers, extra: Iterable[tuple[bytes, bytes]] = (), *, same_length: bool = True
) -> list[tuple[bytes, bytes]]:
    """The upstream's headers as they go to the client, then ours, which take the place of those of
    the same name; an upstream cannot set ours. `same_length`: the body arrives as it was, so its
    `content-length` holds."""
    drop = set(_HOP_BY_HOP)
    if not same_length:
        drop.add(b"content-length")
    ours = list(extra)
    drop.update(name for name, _ in ours)
    return [*_kept(upstream, drop), *ours]


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    """The first of that name (lower case); "" for none."""
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _kept(headers: Iterable[tuple[bytes, bytes]], drop: set[bytes]) -> list[tuple[bytes, bytes]]:
    pairs = list(headers)
    for name, value in pairs:
        if name == b"connection":  # what it names concerns the connection too
            drop.update(each.strip().lower() for each in value.split(b","))
    return [pair for pair in pairs if pair[0] not in drop and not pair[0].startswith(_OURS)]
