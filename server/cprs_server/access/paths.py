"""Paths that mean something else to the next server than to this one."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

# What nearly all requests have: segments of plain characters that do not begin with a dot.
_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_~:@!$&'()*+,=-][A-Za-z0-9_.~:@!$&'()*+,=-]*)+/?|/")
_ALLOWED = re.compile(rb"/[!-~]*")
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_AGAIN = re.compile(rb"%(?:2[ef5]|5c|00)", re.IGNORECASE)
_SLASHED = b"/v1/models/"
"""Names of models hold slashes, which clients encode."""


def wrong_path(raw: bytes) -> str | None:
    """Why a request's path, as it was sent, is refused; None where it is not.

    Refused is what servers read in different ways: "." and ".." segments, encoded or not or before
    ";", empty segments, backslashes, control characters, slashes in code (but for models' names),
    what is encoded twice, broken codes, and bytes that are no UTF-8. A whole URL (absolute form) is
    refused since this is no forward proxy.
    """
    if _PLAIN.fullmatch(raw):
        return None
    if not raw.startswith(b"/"):
        return "the target is not a path: this proxy is asked by its own address"
    if not _ALLOWED.fullmatch(raw) or b"\\" in raw or b"#" in raw:
        return "the path holds characters that must be encoded"
    if _BROKEN.search(raw):
        return "the path holds a % that is not followed by two hex digits"
    decoded = unquote_to_bytes(raw)
    if _AGAIN.search(decoded):
        return "the path is encoded twice"
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        return "the path is not UTF-8"
    if "\\" in text or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text):
        return "the path holds an encoded backslash or control character"
    if decoded.count(b"/") != raw.count(b"/") and not raw.startswith(_SLASHED):
        return "the path holds an encoded slash"
    segments = text.split("/")[1:]
    if any(part.partition(";")[0] in (".", "..") for part in segments):
        return "the path holds . or .. segments"
    if "" in segments[:-1]:
        return "the path holds an empty segment"
    return None
