"""What is kept of compressions for a while: the plan and spans by id, the dropped text by hash.

Only whoever made an entry finds it again. Nothing is written to disk.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

_HASH = re.compile(r"[0-9a-f]{24}")
_OVERHEAD = 400
"""Bytes that an entry takes beside its content, about."""


def hash_of(text: str) -> str:
    """24 hex digits of a text, the same wherever and whenever: markers do not change a prefix."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


class Store:
    """Keeps entries for `ttl` seconds and in at most `max_bytes`; the oldest leave first.

    `owner` is whoever made an entry: the name of a key, or a digest of the client's credentials,
    never the credentials. Safe for several threads.

    >>> store = Store()
    >>> store.text(store.keep_text("Lunch was late.", owner="ann"), owner="ann")
    'Lunch was late.'
    """

    def __init__(
        self,
        *,
        ttl: float = 900.0,
        max_bytes: int = 256 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ttl = ttl
        self.max_bytes = max_bytes
        self.bytes = 0
        self._clock = clock
        # In the order of their ends, since all live equally long.
        self._entries: OrderedDict[tuple[str, str, str], tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            self._expire()
            return len(self._entries)

    def keep_text(self, text: str, *, owner: str) -> str | None:
        """Keep a text; returns its hash, None where it is larger than the whole store."""
        content = text.encode("utf-8", "surrogatepass")
        name = hash_of(text)
        return name if self._keep(("text", owner, name), content) else None

    def text(self, name: str, *, owner: str) -> str | None:
        """The text of a hash; None where there is none, it is too old, or another's."""
        if not _HASH.fullmatch(name):
            return None
        content = self._get(("text", owner, name))
        return None if content is None else content.decode("utf-8", "surrogatepass")

    def keep_record(self, id: str, record: Mapping[str, Any], *, owner: str) -> bool:
        """Keep what is known of a compression, as JSON; False where it is too large."""
        return self._keep(("record", owner, id), json.dumps(record).encode())

    def record(self, id: str, *, owner: str) -> dict[str, Any] | None:
        """What is known of a compression; None as for `text`."""
        content = self._get(("record", owner, id))
        if content is None:
            return None
        found: dict[str, Any] = json.loads(content)
        return found

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.bytes = 0

    def _keep(self, key: tuple[str, str, str], content: bytes) -> bool:
        size = len(content) + _OVERHEAD
        with self._lock:
            self._expire()
            if size > self.max_bytes:
                return False
            self._drop(key)
            while self.bytes + size > self.max_bytes:
                self._drop(next(iter(self._entries)))
            self._entries[key] = (self._clock() + self.ttl, content)
            self.bytes += size
        return True

    def _get(self, key: tuple[str, str, str]) -> bytes | None:
        with self._lock:
            self._expire()
            found = self._entries.get(key)
        return None if found is None else found[1]

    def _expire(self) -> None:
        now = self._clock()
        while self._entries:
            key, (end, _) = next(iter(self._entries.items()))
            if end > now:
                return
            self._drop(key)

    def _drop(self, key: tuple[str, str, str]) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.bytes -= len(found[1]) + _OVERHEAD
