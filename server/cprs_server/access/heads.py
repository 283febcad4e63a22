"""Heads of requests that are too large, or that two servers could read in two ways."""

from __future__ import annotations

import re
from collections.abc import Sequence

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_MOST = 200
_NAME = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
# Twice, any of these makes the message or who sent it ambiguous.
_SINGLE = frozenset(
    {
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"content-type",
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"x-cprs-key",
        b"x-cprs",
        b"origin",
    }
)

Refusal = tuple[int, str, str]
"""Status, code, message."""


def wrong_head(
    headers: Sequence[tuple[bytes, bytes]], *, most_bytes: int, version: str
) -> Refusal | None:
    """Why a request's headers are refused; None where they are not. Names in lower case. `version`:
    of HTTP. Some 100 ns a header."""
    if len(headers) > _MOST:
        return 431, "too_many_headers", f"more than {_MOST} headers"
    size = 0
    seen: dict[bytes, bytes] = {}
    for name, value in headers:
        size += len(name) + len(value) + 4
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            return 400, "invalid_header", "a header holds characters that are not allowed"
        if name in _SINGLE:
            if name in seen:
                return 400, "repeated_header", f"the header {name.decode()} comes twice"
            seen[name] = value
    if size > most_bytes:
        return 431, "headers_too_large", f"the headers take more than {most_bytes} bytes"
    if b"host" not in seen and version == "1.1":
        return 400, "no_host", "the header host is missing"
    return _wrong_length(seen.get(b"content-length"), seen.get(b"transfer-encoding"))


def _wrong_length(length: bytes | None, encoding: bytes | None) -> Refusal | None:
    if length is not None and encoding is not None:
        said = "both content-length and transfer-encoding"
        return 400, "ambiguous_length", f"the request has {said}; send one"
    if encoding is not None and encoding.strip().lower() != b"chunked":
        return 400, "invalid_encoding", "transfer-encoding must be chunked"
    # `isdigit` alone would take a number of any length, and int() of it is slow.
    if length is not None and not (length.isdigit() and len(length) < 19):
        return 400, "invalid_length", "content-length must be a number of bytes"
    return None
