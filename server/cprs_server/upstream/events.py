"""Server-sent events on their way: only whole ones go on, so that nobody reads half of one."""

from __future__ import annotations

import json
import re

_END = re.compile(rb"\n\n|\r\n\r\n|\r\r")
_LINE = re.compile(rb"\r\n|\n|\r")
_MOST_HELD = 1 << 20  # bytes of an event that are held back; a longer one goes on in parts


class WholeEvents:
    """Feed it bytes as they come, and relay what it gives: the same bytes, but the beginning of an
    event waits for its end. Comments, which keep connections alive, never wait.

    `parted`: an event too long to hold has gone on in part and its end has not come yet.
    """

    __slots__ = ("_held", "parted")

    def __init__(self) -> None:
        self._held = bytearray()
        self.parted = False

    def feed(self, data: bytes) -> bytes:
        """What can go on now."""
        held = self._held
        if not held and data.endswith((b"\n\n", b"\r\n\r\n")):
            self.parted = False
            return data
        # What was held had no end in it, but it may hold the first bytes of one.
        searched = max(0, len(held) - 3)
        held += data
        cut = _last_end(held, searched)
        if cut:
            self.parted = False
        if held.startswith(b":", cut):
            cut = max(cut, held.rfind(b"\n") + 1)
        if len(held) - cut > _MOST_HELD:
            self.parted = True
            cut = len(held)
        out = bytes(held[:cut])
        del held[:cut]
        return out

    def flush(self) -> bytes:
        """What is left at the end of the stream: no whole event, or one without its last line
        break (see `is_whole`)."""
        held = bytes(self._held)
        self._held.clear()
        return held


def is_whole(rest: bytes) -> bool:
    """Whether what is left of a stream lacks nothing but line breaks: its data are JSON or
    "[DONE]", or it has none to lose."""
    lines = [line for line in _LINE.split(rest) if line.strip() and not line.startswith(b":")]
    if not lines:
        return True
    data = b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
    if data == b"[DONE]":
        return True
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _last_end(held: bytearray, start: int) -> int:
    """Where the last whole event ends, 0 if none does after `start`."""
    found = held.rfind(b"\n\n", start)
    cut = found + 2 if found >= 0 else 0
    if b"\r" in held[start:]:
        for match in _END.finditer(held, max(start, cut)):
            cut = match.end()
    return cut
