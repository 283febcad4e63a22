"""Calls over HTTP/1.1 with kept connections, nothing changed on the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from cprs_server.errors import ProxyError
from cprs_server.upstream.base import Call, Headers
from cprs_server.upstream.failures import FAILURES, broken
from cprs_server.upstream.handshake import only_switching
from cprs_server.upstream.interrupt import Interrupt
from cprs_server.upstream.lost import tell_of_loss

_URL = re.compile(r"https?://[^\s#\\\x00-\x20\x7f]+")
_AUTOMATIC = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
_LONG = 1 << 16  # bytes of body above which it is written in steps
_STEP = 1 << 18
_LINE = 1 << 16  # bytes of a response's status line, and of each of its headers
# A kept connection that the upstream was just closing fails at once. Whatever takes longer may have
# been worked on.
_STALE = 1.0
_HANDSHAKE = aiohttp.ClientTimeout(total=None, connect=5.0, sock_read=30.0)
_CLOSING = aiohttp.ClientWSTimeout(ws_close=2.0)


class HttpReply:
    """A response that has begun. See `cprs_server.upstream.base.Reply`."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        tell_of_loss(response)
        self.status = response.status
        self.headers: Headers = tuple((name.lower(), value) for name, value in response.raw_headers)

    def body(self) -> AsyncIterator[bytes]:
        """What comes, as it comes, not decoded."""
        return _Parts(self._response)

    async def close(self) -> None:
        """Closes the connection unless all was read."""
        self._response.close()


class _Parts:
    """The parts of a body. Not a generator, which would be left open where its reader stops."""

    __slots__ = ("_content", "_response")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._content.readany()
        except FAILURES as error:
            self._response.close()
            raise broken(error, self._response.url, began=True) from error
        if not data:
            raise StopAsyncIteration
        return data


class HttpTransport:
    """Sends calls of one event loop; the pool of connections is made when it is first needed.

    `keep`: seconds that an idle connection is kept. Redirects are not
    followed, no cookies are kept, no proxy is taken from the environment.
    """

    def __init__(self, *, keep: float = 55.0) -> None:
        self._keep = keep
        self._session: aiohttp.ClientSession | None = None
        self._sockets: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Makes the pool, of the running event loop."""
        common: dict[str, Any] = {
            "connector": _Connector(limit=0, ttl_dns_cache=60, keepalive_timeout=self._keep),
            "cookie_jar": aiohttp.DummyCookieJar(),
            "auto_decompress": False,
            "skip_auto_headers": _AUTOMATIC,
            "trust_env": False,
            "max_line_size": _LINE,
            "max_field_size": _LINE,
        }
        self._session = aiohttp.ClientSession(**common)
        self._sockets = aiohttp.ClientSession(
            connector_owner=False,
            middlewares=(only_switching,),
            timeout=_HANDSHAKE,
            **common,
        )

    async def send(self, call: Call) -> HttpReply:
        """Raises `ProxyError`: 502 where there is no connection or no HTTP, 504 when it does not
        answer in time, 400 for a request that cannot be sent."""
        url = _url(call.url)
        if call.first_byte is None:
            return await self._send(call, url)
        interrupt = Interrupt()
        late = ProxyError(
            504,
            f"{url.host} did not begin to answer within {call.first_byte:g} s",
            code="upstream_timeout",
        )
        timer = asyncio.get_running_loop().call_later(call.first_byte, interrupt.fire, late)
        try:
            async with interrupt:
                reply = await self._send(call, url)
        finally:
            timer.cancel()
        return reply

    async def websocket(
        self, url: str, headers: Headers, protocols: Sequence[str]
    ) -> aiohttp.ClientWebSocketResponse[bool]:
        """Opens one. Raises `Refused` with the upstream's response where it is no WebSocket, and
        `ProxyError` as `send`."""
        if self._sockets is None:
            self.start()
        assert self._sockets is not None
        address = _url(url)
        try:
            return await self._sockets.ws_connect(
                address,
                headers=texts(headers),
                protocols=protocols,
                max_msg_size=0,
                timeout=_CLOSING,
            )
        except FAILURES as error:
            raise broken(error, address) from error

    async def close(self) -> None:
        """Closes all connections."""
        for session in (self._sockets, self._session):
            if session is not None:
                await session.close()
        self._sockets = self._session = None

    async def _send(self, call: Call, url: URL) -> HttpReply:
        loop = asyncio.get_running_loop()
        made: list[None] = []
        _made.set(made)
        started = loop.time()
        try:
            return await self._request(call, url)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if made or loop.time() - started > _STALE:
                raise broken(error, url) from error
        except FAILURES as error:
            raise broken(error, url) from error
        # Nothing came over a connection that had been idle: most likely it was being closed.
        try:
            return await self._request(call, url)
        except FAILURES as error:
            raise broken(error, url) from error

    async def _request(self, call: Call, url: URL) -> HttpReply:
        body: Any = call.body
        if body is not None and len(body) > _LONG:
            body = _LongBody(body)
        if self._session is None:
            self.start()
        assert self._session is not None
        response = await self._session.request(
            call.method,
            url,
            headers=texts(call.headers),
            data=body,
            allow_redirects=False,
            timeout=_timeout(call.connect, call.first_byte),
        )
        if response.status < 200:
            response.close()
            raise ProxyError(
                502, f"{url.host} answered with status {response.status}", code="upstream_not_http"
            )
        return HttpReply(response)


_made: ContextVar[list[None] | None] = ContextVar("_made", default=None)


class _Connector(aiohttp.TCPConnector):
    """Notes in `_made` each connection made for the call at hand."""

    async def _create_connection(self, *args: Any, **more: Any) -> ResponseHandler:
        made = _made.get()
        if made is not None:
            made.append(None)
        return await super()._create_connection(*args, **more)


class _LongBody(aiohttp.Payload):
    """Bytes that are written in steps, so that one who does not read can be left at once."""

    def __init__(self, value: bytes) -> None:
        super().__init__(value, content_type="application/octet-stream")
        self._size = len(value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return str(self._value, encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        view = memoryview(self._value)
        transport = getattr(writer, "transport", None)
        try:
            for start in range(0, len(view), _STEP):
                await writer.write(view[start : start + _STEP])
        except BaseException:
            # Closing alone would wait for the rest to be read, maybe forever.
            if transport is not None:
                transport.abort()
            raise

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        await self.write(writer)  # the length that was announced is that of all


def texts(headers: Headers) -> list[tuple[str, str]]:
    """Headers as the client library wants them, which writes them as UTF-8 again."""
    try:
        return [(name.decode("ascii"), value.decode()) for name, value in headers]
    except UnicodeDecodeError as error:
        raise ProxyError(
            400, "a header of the request is not UTF-8", code="invalid_header"
        ) from error


@lru_cache(maxsize=1024)
def _url(text: str) -> URL:
    if not _URL.fullmatch(text):
        raise ProxyError(400, "the URL has characters that cannot be sent", code="invalid_path")
    return URL(text, encoded=True)


@lru_cache(maxsize=64)
def _timeout(connect: float, idle: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_read=idle)
