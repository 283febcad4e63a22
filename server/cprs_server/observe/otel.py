"""Traces and metrics by OpenTelemetry's SDK, sent over OTLP by threads of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Span as RawSpan
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cprs import __version__
from cprs_server.observe.genai import attributes, figures
from cprs_server.observe.labels import Labels
from cprs_server.observe.record import Record
from cprs_server.observe.tracing import Headers, Span, Value

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

# The boundaries that the conventions advise.
_TOKENS = [4.0**power for power in range(14)]
_SECONDS = [0.01 * 2**power for power in range(14)]
_FIRST = [0.001, 0.005, *(0.01 * n for n in (1, 2, 4, 6, 8, 10, 25, 50, 75, 100, 250, 500, 1000))]
_EACH = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5]


class _Span:
    __slots__ = ("raw",)

    def __init__(self, raw: RawSpan) -> None:
        self.raw = raw

    def set(self, name: str, value: Value) -> None:
        self.raw.set_attribute(name, value)


class OtelTracer:
    """Spans to `processor`, metrics to `reader`."""

    def __init__(
        self, processor: SpanProcessor, reader: MetricReader, *, sample: float = 1.0
    ) -> None:
        about = Resource.create({"service.name": "cprs", "service.version": __version__})
        # Providers of our own: the process's global ones may belong to whoever embeds the proxy.
        self._spans = TracerProvider(sampler=ParentBasedTraceIdRatio(sample), resource=about)
        self._spans.add_span_processor(processor)
        self._meters = MeterProvider([reader], resource=about)
        self._tracer = self._spans.get_tracer("cprs", __version__)
        self._models = Labels(room=50)
        meter = self._meters.get_meter("cprs", __version__)

        def histogram(name: str, unit: str, text: str, boundaries: list[float]) -> Histogram:
            return meter.create_histogram(
                name, unit, text, explicit_bucket_boundaries_advisory=boundaries
            )

        self._usage = histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            _TOKENS,
        )
        self._duration = histogram(
            "gen_ai.server.request.duration", "s", "From a request to its last byte.", _SECONDS
        )
        self._first = histogram(
            "gen_ai.server.time_to_first_token", "s", "From a request to its first byte.", _FIRST
        )
        self._each = histogram(
            "gen_ai.server.time_per_output_token", "s", "Of each token after the first.", _EACH
        )

    @classmethod
    def exporting(cls, endpoint: str, *, sample: float = 1.0) -> OtelTracer:
        """Sends to a collector. Further settings, such as headers, from OpenTelemetry's own
        environment variables."""
        base = endpoint.rstrip("/")
        return cls(
            BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces")),
            PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{base}/v1/metrics")),
            sample=sample,
        )

    def span(
        self, name: str, *, headers: Headers | None = None, **attributes: Value
    ) -> AbstractContextManager[Span]:
        return self._span(name, headers, attributes)

    @contextmanager
    def _span(
        self, name: str, headers: Headers | None, attributes: dict[str, Value]
    ) -> Iterator[Span]:
        context = None
        if headers is not None:
            context = _PROPAGATOR.extract(
                {k.decode("latin-1"): v.decode("latin-1") for k, v in headers if k in _CARRIERS}
            )
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=SpanKind.INTERNAL if headers is None else SpanKind.SERVER,
            attributes=attributes,
            # Their messages and tracebacks may hold texts of a request.
            record_exception=False,
            set_status_on_exception=False,
        ) as raw:
            try:
                yield _Span(raw)
            except BaseException as error:
                raw.set_attribute("error.type", type(error).__name__)
                raw.set_status(Status(StatusCode.ERROR))
                raise

    def outgoing(self) -> tuple[tuple[bytes, bytes], ...]:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return tuple((name.encode(), value.encode()) for name, value in carrier.items())

    def observe(self, record: Record, span: Span | None = None) -> None:
        if span is not None:
            for name, value in {
                **attributes(record, model=record.model),
                **figures(record),
            }.items():
                span.set(name, value)
            if isinstance(span, _Span) and record.status >= 500:
                span.raw.set_status(Status(StatusCode.ERROR))
        if not record.form:
            return
        answered = record.status < 300 and record.upstream_status is not None
        shared = attributes(record, model=self._models.of(record.model, learn=answered))
        self._duration.record(record.seconds, shared)
        for kind, tokens in (("input", record.usage_in), ("output", record.usage_out)):
            if tokens is not None:
                self._usage.record(tokens, {**shared, "gen_ai.token.type": kind})
        if record.first_token is not None and answered:
            self._first.record(record.first_token, shared)
            if record.usage_out is not None and record.usage_out > 1:
                rest = max(0.0, record.stages.get("relay", 0.0))
                self._each.record(rest / (record.usage_out - 1), shared)

    def close(self) -> None:
        self._spans.shutdown()
        self._meters.shutdown()


_CARRIERS = (b"traceparent", b"tracestate")
_PROPAGATOR = TraceContextTextMapPropagator()
