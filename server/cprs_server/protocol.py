"""HTTP/1.1 as uvicorn speaks it, with bounds on the head and the trailers of a request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_SECONDS = 30.0
"""How long the head of a request may take to come."""

_LINE = 4  # ": " and the end of a line


class _TooLong(Exception):
    pass


class _NotOurs(Exception):
    pass


class BoundedHead(HttpToolsProtocol):
    """Answers 431 to a head, or trailers, of more than `Config.h11_max_incomplete_event_size`
    bytes, and ends connections whose head does not come. Trailers are dropped. (With this parser,
    uvicorn bounds none of them, and makes headers of trailers.)"""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most = self.config.h11_max_incomplete_event_size or 64 << 10
        self._seconds = _SECONDS
        self._in_head = True
        # Bytes since the head began, or since the last ones of the body: what may be held by the
        # parser, or be between chunks without an end.
        self._fed = 0
        self._held = 0  # bytes of the head, or of trailers, that were handed on
        self._timer: asyncio.TimerHandle | None = None

    # Uvicorn narrows the argument of asyncio's method in the same way.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(self._seconds, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._fed += len(data)
        super().data_received(data)
        if self._fed > self._most and not self.transport.is_closing():
            self._held = self._fed
            self.send_400_response("")

    def on_message_begin(self) -> None:
        # Not before: what else comes behind a request, such as an empty line, is no head, and the
        # answer to that request may still be under way.
        if self._timer is None:
            self._timer = self.loop.call_later(self._seconds, self._late)
        self._in_head, self._held = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._hold(len(url))
        super().on_url(url)
        # An absolute target names a host that may not be the one in `Host`.
        if not self.url.startswith((b"/", b"*")):
            raise _NotOurs

    def on_header(self, name: bytes, value: bytes) -> None:
        self._hold(len(name) + len(value) + _LINE)
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._fed, self._held = False, 0, 0
        self._stop()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._fed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._fed = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What is said where no request could be read; nothing within an answer that has begun."""
        cycle = self.cycle
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self.transport.close()
            return
        status, reason = "400 Bad Request", msg or "not an HTTP/1.1 request"
        if self._held > self._most:
            status = "431 Request Header Fields Too Large"
            what = "head" if self._in_head else "rest"
            reason = f"the {what} of the request is longer than {self._most:,} bytes"
        error = {"message": reason, "type": "invalid_request_error", "param": None, "code": None}
        body = json.dumps({"error": error}).encode()
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > self._most:
            raise _TooLong

    def _late(self) -> None:
        """The head has not come; but a request before it may still be answered."""
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._timer = self.loop.call_later(self._seconds, self._late)
        else:
            self.transport.close()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
