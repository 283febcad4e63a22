"""A call to an upstream and what it says back, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

Headers = tuple[tuple[bytes, bytes], ...]
"""Names in lower case, in the order they came; repeated where they are."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to send. `url` is absolute and comes from the configuration, never from a client
    but for its path below the base and its query string. `first_byte`: seconds until the response
    must have begun, and the longest silence in it. `connect`: seconds until there is a connection.
    """

    method: str
    url: str
    headers: Headers
    body: bytes | None
    first_byte: float | None = None
    connect: float = 5.0


class Reply(Protocol):
    """A response that has begun."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    def body(self) -> AsyncIterator[bytes]:
        """What comes, as it comes, not decoded. Raises `ProxyError` where it breaks off."""
        ...

    async def close(self) -> None:
        """Stop the upstream's work: closes the connection unless all was read."""
        ...


class Transport(Protocol):
    """Sends calls. Redirects are not followed."""

    async def send(self, call: Call) -> Reply:
        """Raises `ProxyError`: 502 where there is no connection or no HTTP, 504 when too slow."""
        ...

    async def close(self) -> None: ...
