"""Logging of the whole process: one line each, JSON or text, credentials hidden, never waiting."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Literal, TextIO

from cprs_server.observe.redact import Redactor

_WAITING = 10_000  # lines
_AT_ONCE = 64
_PAUSE = 0.05  # seconds in which lines gather
_SHORT = 200
_FIELDS = "cprs_fields"
# They write whole requests at these levels, and a client's words are not for the log.
_TALKATIVE = ("asyncio", "httpx", "httpcore", "urllib3", "openai", "anthropic", "websockets")


class LineFormatter(logging.Formatter):
    """A log record as one line. Fields given as `extra={"cprs_fields": {...}}` become members of
    the JSON object, or `name=value` behind the message. Line breaks cannot be forged."""

    def __init__(self, kind: Literal["json", "text"], redactor: Redactor) -> None:
        super().__init__()
        self._json = kind == "json"
        self._clean = redactor.clean
        # Most fields have few values, and to search each costs more than all else.
        self._clean_field = lru_cache(1024)(redactor.clean)

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, _FIELDS, {})
        said = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._clean(record.getMessage()),
            **{k: self._field(v) if isinstance(v, str) else v for k, v in fields.items()},
        }
        if record.exc_info:
            said["exception"] = self._clean(self.formatException(record.exc_info))
        if self._json:
            return json.dumps(said, separators=(",", ":"), default=str)
        head = f"{said.pop('time')} {said.pop('level')} {said.pop('logger')} {said.pop('message')}"
        tail = "".join(f" {name}={_plain(value)}" for name, value in said.items())
        return _one_line(head + tail)

    def _field(self, value: str) -> str:
        return self._clean_field(value) if len(value) <= _SHORT else self._clean(value)


class _Dropping(logging.Handler):
    """Hands lines to the writing thread; drops and counts them when that one cannot keep up, since
    a slow pipe must not stop the proxy."""

    def __init__(self, writer: _Writer) -> None:
        super().__init__()
        self._writer = writer
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
            if self._dropped and len(self._writer.waiting) < _WAITING - 1:
                lost = logging.LogRecord(
                    "cprs", logging.WARNING, "", 0, "%d log lines lost", (self._dropped,), None
                )
                self._dropped = 0
                self._writer.put(self.format(lost))
            if len(self._writer.waiting) < _WAITING:
                self._writer.put(line)
            else:
                self._dropped += 1
        except Exception:  # noqa: BLE001 - as every handler of the standard library
            self.handleError(record)


class _Writer(threading.Thread):
    """Writes lines a few at a time: to wake it for each would cost a request more than its line."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(name="cprs-log", daemon=True)
        self.waiting: deque[str] = deque()
        self._stream = stream
        self._there = threading.Event()
        self._ending = threading.Event()

    def put(self, line: str) -> None:
        """Have a line written soon."""
        self.waiting.append(line)
        if not self._there.is_set():
            self._there.set()

    def end(self) -> None:
        """Write what waits, and end."""
        self._ending.set()
        self._there.set()
        self.join()

    def run(self) -> None:
        """As `Thread.run`."""
        while not self._ending.is_set():
            self._there.wait()
            self._ending.wait(_PAUSE)
            self._there.clear()
            while self.waiting:
                some = range(min(_AT_ONCE, len(self.waiting)))
                text = "".join(f"{self.waiting.popleft()}\n" for _ in some)
                # Where nobody reads any more there is nobody to tell.
                with suppress(OSError, ValueError):
                    self._stream.write(text)
                    self._stream.flush()


@contextmanager
def logging_to(
    stream: TextIO | None = None,
    *,
    kind: Literal["json", "text"] = "json",
    level: str = "info",
    secrets: Iterable[str] = (),
) -> Iterator[None]:
    """All loggers write to `stream` (standard error) inside; before and after nothing is changed.
    What still waits is written on leaving. `secrets`: texts that must never be written."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    quiet = {name: logging.getLogger(name).level for name in _TALKATIVE}
    writer = _Writer(stream if stream is not None else sys.stderr)
    handler = _Dropping(writer)
    handler.setFormatter(LineFormatter(kind, Redactor(secrets)))
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    writer.start()
    try:
        yield
    finally:
        root.handlers[:], level_before = before
        writer.end()
        root.setLevel(level_before)
        for name, old in quiet.items():
            logging.getLogger(name).setLevel(old)


def _time(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
