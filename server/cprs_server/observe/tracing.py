"""OpenTelemetry traces and GenAI metrics, where they are configured and `cprs[otel]` is there.

Names follow OpenTelemetry's semantic conventions for generative AI.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from cprs_server.observe.record import Record

Value = str | int | float | bool
Headers = Iterable[tuple[bytes, bytes]]


class Span(Protocol):
    """A piece of work in a trace."""

    def set(self, name: str, value: Value) -> None:
        """Notes an attribute. Never a text of the request."""
        ...


class Tracer(Protocol):
    """Makes spans. One without configuration does nothing and costs next to nothing."""

    def span(
        self, name: str, *, headers: Headers | None = None, **attributes: Value
    ) -> AbstractContextManager[Span]:
        """A span around what runs inside, below the current one; an exception is noted by its
        class. `headers`: of the client's request, whose `traceparent` it then continues."""
        ...

    def outgoing(self) -> tuple[tuple[bytes, bytes], ...]:
        """Headers that carry the current trace to an upstream, in place of the client's own."""
        ...

    def observe(self, record: Record, span: Span | None = None) -> None:
        """Adds a finished request to the GenAI metrics, and its figures to `span`."""
        ...

    def close(self) -> None:
        """Sends what is left; may take seconds."""
        ...


class NoSpan:
    """A span that is nowhere noted, and its own context manager."""

    __slots__ = ()

    def __enter__(self) -> NoSpan:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def set(self, name: str, value: Value) -> None:
        return None


class NoTracer:
    """Does nothing."""

    __slots__ = ("_span",)

    def __init__(self) -> None:
        self._span = NoSpan()

    def span(
        self, name: str, *, headers: Headers | None = None, **attributes: Value
    ) -> AbstractContextManager[Span]:
        return self._span

    def outgoing(self) -> tuple[tuple[bytes, bytes], ...]:
        return ()

    def observe(self, record: Record, span: Span | None = None) -> None:
        return None

    def close(self) -> None:
        return None


def tracer(
    endpoint: str | None = None,
    *,
    sample: float = 1.0,
    environment: Mapping[str, str] | None = None,
) -> Tracer:
    """The tracer that the configuration asks for: to `endpoint` (OTLP over HTTP) or where
    OpenTelemetry's own variables say (`OTEL_EXPORTER_OTLP_ENDPOINT`). Does nothing where neither
    does, where `OTEL_SDK_DISABLED` is true, or, with a warning, where the SDK is not installed."""
    said = os.environ if environment is None else environment
    target = endpoint or said.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if not target or said.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return NoTracer()
    try:
        from cprs_server.observe.otel import OtelTracer
    except ImportError:
        logging.getLogger("cprs").warning(
            "traces are configured but OpenTelemetry is not installed: pip install 'cprs[otel]'"
        )
        return NoTracer()
    return OtelTracer.exporting(target, sample=sample)
