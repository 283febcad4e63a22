"""Logging of the whole process: one line each, JSON or text, credentials hidden, never waiting."""

from __future__ import annotations

import json
import logging
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from logging.handlers import QueueHandler
from typing import Any, Literal, TextIO

from cprs_server.observe.redact import Redactor

_LOG = logging.getLogger("cprs_server")

_WAITING = 10_000
_MOMENT = 0.05
"""Seconds that a line may wait for others."""
_TOGETHER = 1_000
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
            "message": self._field(record.getMessage()),
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


class _Dropping(QueueHandler):
    """Hands lines to the writing thread; drops and counts them when that one cannot keep up, since
    a slow pipe must not stop the proxy."""

    def __init__(self, waiting: queue.Queue[Any]) -> None:
        super().__init__(waiting)
        self._waiting = waiting
        self._dropped = 0

    def prepare(self, record: logging.LogRecord) -> str:
        return self.format(record)

    def enqueue(self, record: Any) -> None:
        try:
            if self._dropped and self._waiting.qsize() < _WAITING - 1:
                lost = logging.LogRecord(
                    "cprs", logging.WARNING, "", 0, "%d log lines lost", (self._dropped,), None
                )
                self._waiting.put_nowait(self.prepare(lost))
                self._dropped = 0
            self._waiting.put_nowait(record)
        except queue.Full:
            self._dropped += 1


class _Writer:
    """Writes the lines, in a thread of its own: those of a moment together, since each time that
    this thread wakes up it takes turns with the event loop."""

    def __init__(self, waiting: queue.Queue[Any], stream: TextIO) -> None:
        self._waiting = waiting
        self._stream = stream
        self._thread = threading.Thread(target=self._run, name="cprs-log", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            lines = [self._waiting.get()]
            time.sleep(_MOMENT)
            with suppress(queue.Empty):
                while len(lines) < _TOGETHER:
                    lines.append(self._waiting.get_nowait())
            going = None not in lines
            # Where nobody reads any more there is nobody to tell.
            with suppress(OSError, ValueError):
                self._stream.write("".join(f"{line}\n" for line in lines if line is not None))
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
    waiting: queue.Queue[Any] = queue.Queue(_WAITING)
    handler = _Dropping(waiting)
    handler.setFormatter(LineFormatter(kind, Redactor(secrets)))
    listener = _Writer(waiting, stream if stream is not None else sys.stderr)
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    listener.start()
    try:
        yield
    finally:
        listener.stop()
        root.handlers[:], level_before = before
        root.setLevel(level_before)
        for name, old in quiet.items():
            logging.getLogger(name).setLevel(old)


def log_fault(request_id: str, error: Exception) -> None:
    """Say that a request met a fault of ours. Its message may quote the request, so only its kind
    is told, but at level debug."""
    trace = _LOG.isEnabledFor(logging.DEBUG)
    kind = type(error).__name__
    _LOG.error("%s: a fault of the proxy: %s", request_id, kind, exc_info=error if trace else None)


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
