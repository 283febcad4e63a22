"""The body of a request: read within a limit, decoded within the same limit."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Protocol

import brotli  # type: ignore[import-untyped]  # there are no stubs for it
import zstandard

from cprs_server.errors import ProxyError
from cprs_server.upstream.disconnect import ClientGone, Receive
from cprs_server.upstream.headers import header

_STEP = 1 << 20  # bytes of output at a time
_MOST_MEMBERS = 10_000  # each costs more than its bytes, so many tiny ones are an attack
_ZSTD_WINDOW = 1 << 27  # what a decoder must offer at most (RFC 9659 says 8 MB; tools write more)


async def read_body(
    scope: MutableMapping[str, Any], receive: Receive, *, limit: int, decode: bool = True
) -> bytes:
    """The whole body; `limit` in bytes, before and after decoding.

    Raises `ProxyError`: 413 as soon as it is too long (at once where its length is announced), 415
    for a content coding not known, 400 where it is not what that coding says; and `ClientGone`.
    `decode=False` leaves a coded body as it came.
    """
    announced = header(scope["headers"], b"content-length")
    if announced.isdigit() and int(announced) > limit:
        raise _too_long(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the client went while it sent its request")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_long(limit)
        parts.append(part)
        if not message.get("more_body", False):
            break
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    codings = _codings(scope["headers"]) if decode and body else []
    if not codings:
        return body
    # Megabytes to decode would hold up every other request of the event loop.
    return await asyncio.to_thread(decoded, body, codings, limit=limit)


def decoded(body: bytes, codings: Iterable[str], *, limit: int) -> bytes:
    """`body` without its content codings, named in the order they were applied. Stops at `limit`,
    whatever a bomb would become; raises as `read_body`."""
    for coding in reversed(list(codings)):
        decoder = _DECODERS.get(coding)
        if decoder is None:
            raise ProxyError(
                415,
                f"the content coding {coding[:40]!r} of the body is not known; "
                "send gzip, deflate, br or zstd, or none",
                code="unsupported_content_encoding",
                headers={"accept-encoding": "gzip, deflate, br, zstd"},
            )
        try:
            body = decoder(body, limit)
        except (zlib.error, brotli.error, zstandard.ZstdError, EOFError) as error:
            raise ProxyError(
                400, f"the body is not valid {coding}: {error}", code="invalid_content_encoding"
            ) from error
    return body


def _codings(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    found: list[str] = []
    for key, value in headers:
        if key == b"content-encoding":
            found += (each.strip().lower() for each in value.decode("latin-1").split(","))
    return [each for each in found if each not in ("", "identity")]


def _too_long(limit: int) -> ProxyError:
    return ProxyError(
        413, f"the body is longer than {limit} bytes, the limit here", code="body_too_large"
    )


def _unbrotli(body: bytes, limit: int) -> bytes:
    decoder = brotli.Decompressor()
    out = bytearray(decoder.process(body, output_buffer_limit=_STEP))
    while not decoder.is_finished():
        if len(out) > limit:
            raise _too_long(limit)
        part = decoder.process(b"", output_buffer_limit=_STEP)
        if not part and not decoder.is_finished():
            raise EOFError("it ends too early")
        out += part
    if len(out) > limit:
        raise _too_long(limit)
    return bytes(out)


def _gunzip(body: bytes, limit: int) -> bytes:
    return _members(body, limit, lambda: zlib.decompressobj(wbits=31), 4096)


def _undeflate(body: bytes, limit: int) -> bytes:
    # RFC 9110 means zlib's format; some send the bare stream.
    zlib_made = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _members(body, limit, lambda: zlib.decompressobj(wbits=15 if zlib_made else -15), 4096)


def _unzstd(body: bytes, limit: int) -> bytes:
    def decoder() -> _Decoder:
        return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()

    return _members(body, limit, decoder, 128)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _members(body: bytes, limit: int, new: Callable[[], _Decoder], step: int) -> bytes:
    """Decodes members that follow one another. `step` bytes at a time are given to a decoder, so
    few that what they become stays in bounds (gzip: 1032 times as much, zstd: 128 KiB each 4)."""
    out = bytearray()
    at = members = 0
    while at < len(body):
        decoder = new()
        members += 1
        if members > _MOST_MEMBERS:
            raise EOFError(f"it has more than {_MOST_MEMBERS} parts")
        while not decoder.eof:
            if at >= len(body):
                raise EOFError("it ends too early")
            out += decoder.decompress(body[at : at + step])
            at = min(at + step, len(body))
            if len(out) > limit:
                raise _too_long(limit)
        at -= len(decoder.unused_data)
    return bytes(out)


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
