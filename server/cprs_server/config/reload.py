"""Settings that change while the proxy runs: on SIGHUP and when their file changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from watchfiles import awatch

from cprs.errors import OptionError
from cprs_server.config.settings import Settings

_LOG = logging.getLogger("cprs_server.config")

FIXED = (
    "host",
    "port",
    "limits.header_bytes",
    "limits.queue",
    "limits.running",
    "limits.drain",
    "store.ttl",
    "store.bytes",
    "tracing.endpoint",
    "tracing.sample",
    "log.content",
    "log.format",
    "log.level",
    "cors",
)
"""What is only read when the proxy starts."""


class Reload:
    """Holds the `current` settings. Whoever begins a request takes them once, so that a change
    meets requests to come and none that runs. `draining` is set when the proxy is to end, `told`
    is told of every reading whether it could be used."""

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings] | None = None,
        *,
        path: Path | None = None,
    ) -> None:
        """`load` reads the settings anew; `path` is the file they come from, if any."""
        self.current = self._started = settings
        self.draining = False
        self.told: Callable[[bool], None] = lambda _: None
        self._load = load
        self._path = path
        self._bytes = _content(path)

    def now(self) -> bool:
        """Read the settings again. Where they are wrong, that is logged and the old ones stay."""
        if self._load is None:
            _LOG.info("there is no configuration to read again")
            return False
        self._bytes = _content(self._path)
        try:
            new = self._load()
        except OptionError as error:
            for line in getattr(error, "problems", (str(error),)):
                _LOG.error("%s (the settings stay as they were)", line)
            self.told(False)
            return False
        fixed = [key for key in FIXED if _value(new, key) != _value(self._started, key)]
        self.current = new
        if fixed:
            _LOG.warning("settings read again; takes a restart: %s", ", ".join(fixed))
        else:
            _LOG.info("settings read again")
        self.told(True)
        return True

    async def watch(self, *, stop: asyncio.Event | None = None) -> None:
        """Read the settings again whenever their file changes, until cancelled or stopped."""
        if self._path is None or self._load is None:
            return
        # Its folder, since editors and Kubernetes replace files by others of that name.
        folders = {self._path.absolute().parent, self._path.resolve().parent}
        watching = awatch(
            *folders, watch_filter=None, debounce=200, step=50, recursive=False, stop_event=stop
        )
        # It logs every event at "info".
        logging.getLogger("watchfiles").setLevel(logging.WARNING)
        async for _ in watching:
            content = _content(self._path)
            if content is not None and content != self._bytes:
                self.now()


def _content(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path else None
    except OSError:
        return None


def _value(settings: Settings, key: str) -> object:
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value
