"""The access log: one line for each finished request, without a text of it."""

from __future__ import annotations

import logging
from typing import Any

from cprs_server.observe.record import Record

_LONGEST = 200


class AccessLog:
    """Writes to the logger "cprs.access" (see `observe.logs`). `content`: may texts be logged?"""

    __slots__ = ("_content", "_log")

    def __init__(self, *, content: bool = False, logger: logging.Logger | None = None) -> None:
        self._content = content
        self._log = logger or logging.getLogger("cprs.access")

    def write(self, record: Record, key_name: str | None, request_id: str) -> None:
        """Logs a finished request: at level warning where the proxy failed (5xx), else info."""
        level = logging.WARNING if record.status >= 500 else logging.INFO
        if self._log.isEnabledFor(level):
            line = self._log.makeRecord(self._log.name, level, "", 0, "request", (), None)
            line.cprs_fields = fields_of(record, key_name, request_id)
            # Not `log`, which looks for the caller first.
            self._log.handle(line)

    @property
    def texts(self) -> bool:
        """Whether texts are logged."""
        return self._content and self._log.isEnabledFor(logging.INFO)

    def content(self, request_id: str, **texts: str) -> None:
        """Logs texts of a request by name; does nothing unless that was asked for."""
        if self.texts and texts:
            fields = {"id": request_id, **texts}
            self._log.info("content", extra={"cprs_fields": fields})


def fields_of(record: Record, key_name: str | None, request_id: str) -> dict[str, Any]:
    """What is logged of a request. What is not known is left out. Times are in milliseconds."""
    told: dict[str, Any] = {
        "id": request_id,
        "key": key_name,
        "endpoint": _short(record.endpoint.partition("?")[0]),
        "form": record.form or None,
        "model": _short(record.model) or None,
        "stream": record.stream,
        "status": record.status,
        "error": record.error or None,
        "decision": record.decision or None,
        "reason": record.reason or None,
        "ms": _ms(record.seconds),
        "stages": {stage: _ms(seconds) for stage, seconds in record.stages.items()} or None,
        "first_token_ms": None if record.first_token is None else _ms(record.first_token),
        "upstream": record.upstream or None,
        "upstream_status": record.upstream_status,
        "usage_in": record.usage_in,
        "usage_out": record.usage_out,
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
    }
    if record.tokens_in:
        told["tokens_in"] = record.tokens_in
        told["tokens_out"] = record.tokens_out
        told["exact"] = record.exact
    if record.money:
        told["saved_money"] = round(record.money, 6)
    return {name: value for name, value in told.items() if value is not None}


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
