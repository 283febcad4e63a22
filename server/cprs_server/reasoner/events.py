"""Changes to a stream of events, event by event."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cprs_server.wire.sse import event

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE = re.compile(rb"\r\n|\n|\r")
Named = tuple["str | None", Mapping[str, Any]]


class EventEdit:
    """An `Edit` of whole events: `change` makes of one any number of others. What holds no JSON
    object passes as it came."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What can be relayed now."""
        # What was held has no end in it, but may have the first bytes of one.
        searched = max(0, len(self._held) - 3)
        data = self._held + chunk
        at, out = 0, []
        for end in _END.finditer(data, searched):
            out.append(self._one(data[at : end.end()]))
            at = end.end()
        self._held = data[at:]
        return b"".join(out)

    def flush(self) -> bytes:
        """What is left when the stream has ended."""
        held, self._held = self._held, b""
        return (self._one(held) if held else b"") + _written(self.rest())

    def change(self, name: str | None, value: Mapping[str, Any]) -> Iterable[Named] | None:
        """The events, (name, data), that one becomes; None: as it came."""
        raise NotImplementedError

    def rest(self) -> Iterable[Named]:
        """Events for what still waits where a stream ends before it should."""
        return ()

    def _one(self, raw: bytes) -> bytes:
        name, data = None, []
        for line in _LINE.split(raw):
            if line.startswith(b"event:"):
                name = line[6:].strip().decode("utf-8", "replace")
            elif line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
        if not data:
            return raw
        try:
            value = json.loads(b"\n".join(data))
        except (ValueError, RecursionError):
            return raw if not raw.startswith(b"data: [DONE]") else _written(self.rest()) + raw
        changed = self.change(name, value) if isinstance(value, dict) else None
        return raw if changed is None else _written(changed)


def _written(events: Iterable[Named]) -> bytes:
    return b"".join(event(value, name) for name, value in events)
