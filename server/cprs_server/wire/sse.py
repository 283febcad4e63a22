"""Server-sent events, as the streams of all forms use them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_PIECE = re.compile(r"(?s).{1,200}(?:\s|$)|.{1,200}")
# Some readers of lines, Python's `str.splitlines` among them, break lines here too.
_BREAKS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def dump(value: Any) -> bytes:
    """`value` as JSON in one line of UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii():
        text = text.translate(_BREAKS)
    return text.encode("utf-8", "replace")


def event(data: Any, name: str | None = None) -> bytes:
    """One whole event with `data` as JSON.

    >>> event({"a": 1}, "ping")
    b'event: ping\\ndata: {"a":1}\\n\\n'
    """
    head = b"" if name is None else f"event: {name}\n".encode()
    return head + b"data: " + dump(data) + b"\n\n"


def pieces(text: str) -> Iterator[str]:
    """`text` in the pieces that a stream sends: some 200 code points, cut at white space."""
    return (match[0] for match in _PIECE.finditer(text))
