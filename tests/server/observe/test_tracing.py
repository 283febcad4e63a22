"""Traces and GenAI metrics: nothing without configuration, the conventions' names with it."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cprs_server.observe.genai import provider
from cprs_server.observe.logs import logging_to
from cprs_server.observe.record import Record
from cprs_server.observe.tracing import NoTracer, tracer

RECORD = Record(
    "/v1/chat/completions",
    200,
    form="chat",
    model="gpt-4o",
    decision="compress",
    reason="asked",
    tokens_in=1000,
    tokens_out=100,
    seconds=2.0,
    stages={"plan": 0.001, "relay": 1.0},
    upstream="openai",
    upstream_status=200,
    usage_in=110,
    usage_out=11,
    first_token=0.5,
)


@pytest.mark.parametrize(
    "environment", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "TRUE "}]
)
def test_nothing_without_configuration(environment: dict[str, str]) -> None:
    nothing = tracer(environment=environment)
    assert isinstance(nothing, NoTracer)
    with nothing.span("a", headers=[], x=1) as outer, nothing.span("b") as inner:
        outer.set("a", 1)
        inner.set("b", "2")
    assert nothing.outgoing() == ()
    nothing.observe(RECORD)
    nothing.close()


def test_nothing_costs_nothing() -> None:
    nothing = NoTracer()
    times = []
    for _ in range(300):
        before = time.perf_counter()
        with nothing.span("a", headers=()):
            pass
        times.append(time.perf_counter() - before)
    assert min(times) < 10e-6


def test_configured_but_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cprs_server.observe.otel", None)
    stream = io.StringIO()
    with logging_to(stream):
        assert isinstance(tracer("http://127.0.0.1:1"), NoTracer)
    assert "cprs[otel]" in stream.getvalue()


@pytest.mark.parametrize(
    ("model", "form", "said"),
    [
        ("gpt-4o", "chat", "openai"),
        ("claude-sonnet-5", "chat", "anthropic"),
        ("x", "messages", "anthropic"),
        ("vendor/gemini-3-pro", "chat", "gcp.gemini"),
        ("", "", "openai"),
    ],
)
def test_provider(model: str, form: str, said: str) -> None:
    assert provider(Record("/v1/x", 200, model=model, form=form)) == said


@pytest.fixture
def made() -> Iterator[tuple[Any, Any, Any]]:
    pytest.importorskip("opentelemetry.sdk")
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from cprs_server.observe.otel import OtelTracer
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    made = OtelTracer(SimpleSpanProcessor(spans), reader)
    yield made, spans, reader
    made.close()


def test_a_span_continues_the_clients_trace(made: tuple[Any, Any, Any]) -> None:
    tracing, spans, _ = made
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = [
        (b"traceparent", f"00-{trace}-b7ad6b7169203331-01".encode()),
        (b"authorization", b"Bearer secret-of-a-client"),
    ]
    with tracing.span("cprs.request", headers=headers) as outer:
        with tracing.span("cprs.plan"):
            pass
        [(name, value)] = tracing.outgoing()
        tracing.observe(RECORD, outer)
    plan, request = spans.get_finished_spans()
    assert plan.parent.span_id == request.context.span_id
    assert format(request.context.trace_id, "032x") == trace
    assert name == b"traceparent"
    assert value.decode().split("-")[1:3] == [trace, format(request.context.span_id, "016x")]
    told = dict(request.attributes)
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "openai"
    assert told["gen_ai.usage.input_tokens"] == 110
    assert told["cprs.tokens.before"] == 1000
    assert told["cprs.seconds.plan"] == 0.001
    assert "secret-of-a-client" not in request.to_json()
    assert tracing.outgoing() == ()


def test_an_error_is_noted_without_its_message(made: tuple[Any, Any, Any]) -> None:
    tracing, spans, _ = made
    with pytest.raises(ValueError, match="words"), tracing.span("cprs.request"):
        raise ValueError("words of a client")
    [span] = spans.get_finished_spans()
    assert span.attributes["error.type"] == "ValueError"
    assert "words of a client" not in span.to_json()


def test_metrics_have_the_conventions_names(made: tuple[Any, Any, Any]) -> None:
    tracing, _, reader = made
    tracing.observe(RECORD)
    tracing.observe(Record("/v1/chat/completions", 502, form="chat", error="upstream_timeout"))
    tracing.observe(Record("/v1/{path}", 200))
    data = reader.get_metrics_data()
    [scope] = data.resource_metrics[0].scope_metrics
    found = {metric.name: metric.data.data_points for metric in scope.metrics}
    assert set(found) == {
        "gen_ai.client.token.usage",
        "gen_ai.server.request.duration",
        "gen_ai.server.time_to_first_token",
        "gen_ai.server.time_per_output_token",
    }
    usage = {p.attributes["gen_ai.token.type"]: p.sum for p in found["gen_ai.client.token.usage"]}
    assert usage == {"input": 110, "output": 11}
    [each] = found["gen_ai.server.time_per_output_token"]
    assert each.sum == pytest.approx(0.1)
    durations = found["gen_ai.server.request.duration"]
    assert {p.attributes.get("error.type") for p in durations} == {None, "upstream_timeout"}
    assert durations[0].explicit_bounds[0] == 0.01


def test_sends_to_a_collector() -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from programmable import Upstream, plain

    collector = Upstream(lambda seen: plain(b"", content_type="application/x-protobuf"))
    collector.start()
    try:
        tracing = tracer(collector.url)
        with tracing.span("cprs.request") as span:
            tracing.observe(RECORD, span)
        tracing.close()
        assert {seen.path for seen in collector.seen} == {"/v1/traces", "/v1/metrics"}
        assert any(b"gen_ai.request.model" in seen.body for seen in collector.seen)
    finally:
        collector.stop()
