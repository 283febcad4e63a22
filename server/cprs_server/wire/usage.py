"""`usage` with an object of ours in it, for clients that ask; every other byte as it came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cprs_server.wire.base import Path
from cprs_server.wire.places import Place, places
from cprs_server.wire.sse import dump

_AT: tuple[Path, ...] = (("usage",), ("response", "usage"), ("message", "usage"))
_LONGEST = 8 * 2**20  # bytes of one line that are held back at most


def add_usage(body: bytes, cprs: Mapping[str, Any]) -> bytes:
    """`body`, JSON, with `cprs` as a member of each `usage` object of a response: its own, or that
    of the `response` or `message` in an event. What holds none is returned as it is.

    >>> add_usage(b'{"usage": {"total_tokens": 3}}', {"ratio": 2})
    b'{"usage": {"total_tokens": 3,"cprs":{"ratio":2}}}'
    """
    if b'"usage"' not in body:
        return body
    try:
        text = body.decode()
        json.loads(text)
        found = places(text, _AT)
    except (ValueError, RecursionError):
        return body
    addition = '"cprs":' + dump(dict(cprs)).decode()
    for place in sorted(found.values(), key=lambda place: place.start, reverse=True):
        text = _added(text, place, addition)
    return text.encode()


def _added(text: str, place: Place, addition: str) -> str:
    usage = json.loads(text[place.start : place.end])
    if not isinstance(usage, dict) or "cprs" in usage:
        return text
    comma = "," if usage else ""
    end = place.end - 1
    return f"{text[:end]}{comma}{addition}{text[end:]}"


class UsageStream:
    """The same for a stream of events: feed it bytes as they come, and relay what it gives.

    A line is held until it is whole; all other bytes go on at once.
    """

    def __init__(self, cprs: Mapping[str, Any]) -> None:
        self._cprs = cprs
        self._held = bytearray()
        self._within_long = False  # a line too long to hold, whose rest goes on as it is

    def feed(self, chunk: bytes) -> bytes:
        """What can be relayed now."""
        cut = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        parts: list[bytes] = []
        if cut:
            whole = bytes(self._held) + chunk[:cut]
            self._held.clear()
            parts += (self._line(line) for line in whole.splitlines(keepends=True))
        self._held += chunk[cut:]
        if len(self._held) > _LONGEST or (self._held and self._within_long):
            self._within_long = True
            parts.append(self.flush())
        return b"".join(parts)

    def flush(self) -> bytes:
        """What is left when the stream has ended."""
        held = bytes(self._held)
        self._held.clear()
        return held

    def _line(self, line: bytes) -> bytes:
        if self._within_long:
            self._within_long = False
            return line
        if not line.startswith(b"data:") or b'"usage"' not in line:
            return line
        data = line.rstrip(b"\r\n")
        start = 6 if data.startswith(b"data: ") else 5
        return data[:start] + add_usage(data[start:], self._cprs) + line[len(data) :]
