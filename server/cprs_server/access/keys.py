"""Clients' keys: which of the configured ones a request shows, if any is asked for."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from cprs.errors import OptionError
from cprs_server.errors import ProxyError
from cprs_server.upstream.base import Headers


class Hashed(Protocol):
    """A key as the configuration knows it: its name and the SHA-256 of its text, in hex."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...


K = TypeVar("K", bound=Hashed)

OWN_HEADER = b"x-cprs-key"
"""Where a key of ours is shown when the others carry a key for the upstream."""

_BEARING = (OWN_HEADER, b"authorization", b"x-api-key", b"api-key")
_LONGEST = 4096


class Keys(Generic[K]):
    """The keys that open the proxy; without any it is open.

    A key may come as `x-cprs-key: KEY`, `Authorization: Bearer KEY`, `x-api-key: KEY` or
    `api-key: KEY`. Only hashes are kept. Each shown text is compared with all of them in constant
    time, so how long it takes tells nothing of how near a guess was. Linear in the keys: about
    0.2 µs each.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[K] = ()) -> None:
        found: list[tuple[bytes, K]] = []
        for key in keys:
            try:
                digest = bytes.fromhex(key.sha256)
            except ValueError:
                digest = b""
            if len(digest) != 32:
                raise OptionError(f"keys: sha256 of {key.name!r} is not 64 hex digits")
            found.append((digest, key))
        self._keys = tuple(found)

    def __bool__(self) -> bool:
        """Whether a key is asked for."""
        return bool(self._keys)

    def check(self, headers: Iterable[tuple[bytes, bytes]]) -> K | None:
        """The key that a request shows; None where none is asked for. `headers`: names in lower
        case. Raises `ProxyError` (401), which does not repeat what was shown."""
        if not self._keys:
            return None
        shown = [(name, secret) for name, value in headers if (secret := _secret(name, value))]
        for wanted in _BEARING:
            for name, secret in shown:
                if name == wanted and (key := self._find(secret)) is not None:
                    return key
        said = "the key is not known here" if shown else "a key is needed"
        raise ProxyError(
            401,
            f"{said}: send one that this proxy's configuration lists, as x-cprs-key, "
            "Authorization: Bearer or x-api-key",
            code="invalid_api_key",
            headers={"WWW-Authenticate": 'Bearer realm="cprs"'},
        )

    def without(self, headers: Headers) -> Headers:
        """`headers` but for those that show a key of ours, which is for no upstream to see."""
        return tuple(
            (name, value)
            for name, value in headers
            if name != OWN_HEADER
            and not (self._keys and (secret := _secret(name, value)) and self._find(secret))
        )

    def _find(self, secret: bytes) -> K | None:
        digest = hashlib.sha256(secret).digest()
        found: K | None = None
        for known, key in self._keys:
            # No early end: the time must not depend on which key it is.
            if hmac.compare_digest(known, digest):
                found = key
        return found


def _secret(name: bytes, value: bytes) -> bytes:
    """The key that a header may show, b"" for none."""
    if name not in _BEARING or len(value) > _LONGEST:
        return b""
    value = value.strip(b" \t")
    if name != b"authorization":
        return value
    scheme, _, rest = value.partition(b" ")
    return rest.strip(b" \t") if scheme.lower() == b"bearer" else b""
