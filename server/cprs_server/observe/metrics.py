"""Prometheus metrics: every finished request adds to them once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from cprs_server.observe.labels import Labels
from cprs_server.observe.record import STAGES, Record
from cprs_server.shadow import Agreement

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 600)
TOKENS = (256, 1024, 4096, 16_384, 65_536, 131_072, 262_144, 524_288, 1_048_576, 2_097_152)
BYTES = (1024, 8192, 65_536, 524_288, 2_097_152, 8_388_608, 33_554_432, 67_108_864)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

M = TypeVar("M", Counter, Histogram)

_LEARNT_MODELS = 50
_LEARNT_WORDS = 60


class Metrics:
    """The proxy's metrics in `registry`, a fresh one unless given.

    `models`, `upstreams`, `endpoints`: names of the configuration that may be label values. A model
    that is not among them becomes one only after an upstream has answered for it with success, and
    only for the first 50: a client cannot fill the memory with names. Cheap enough for every
    request (tens of microseconds), and safe to call from any thread.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        models: Iterable[str] = (),
        upstreams: Iterable[str] = (),
        endpoints: Iterable[str] = (),
    ) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._models = Labels(models, room=_LEARNT_MODELS)
        self._upstreams = Labels(upstreams)
        self._endpoints = Labels(endpoints, room=_LEARNT_WORDS)
        self._words = Labels(room=_LEARNT_WORDS)
        self._errors = Labels(room=_LEARNT_WORDS)
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=self.registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

        self._requests = counter(
            "cprs_requests", "Finished requests.", "endpoint", "model", "status", "stream"
        )
        self._seconds = histogram(
            "cprs_request_seconds", "From a request to the end of its answer.", SECONDS, "endpoint"
        )
        self._stages = histogram(
            "cprs_stage_seconds", "Time of a request by stage.", SECONDS, "stage"
        )
        self._first = histogram(
            "cprs_first_token_seconds",
            "From a request's last byte to its answer's first.",
            SECONDS,
            "endpoint",
            "model",
        )
        self._decisions = counter(
            "cprs_decisions", "What was decided about requests, and why.", "decision", "reason"
        )
        self._tokens_in = counter("cprs_tokens_in", "Prompt tokens before compression.", "model")
        self._tokens_out = counter("cprs_tokens_out", "Prompt tokens that were forwarded.", "model")
        self._prompt = histogram("cprs_prompt_tokens", "Prompt tokens by request.", TOKENS)
        self._saved = counter("cprs_saved_tokens", "Prompt tokens spared an upstream.", "model")
        self._audited = counter(
            "cprs_audit_tokens", "Prompt tokens that audit says could be spared.", "model"
        )
        self._money = counter(
            "cprs_saved_money",
            "Estimate of what the spared tokens would have cost, those that the prompt cache would "
            "have held at the cached price, less what breaking it cost.",
            "model",
        )
        self._estimates = counter(
            "cprs_token_estimates", "Requests whose tokens were estimated, not counted.", "model"
        )
        self._usage = counter(
            "cprs_usage_tokens", "Tokens as upstreams counted them.", "model", "type"
        )
        self._upstream = counter(
            "cprs_upstream_responses", "Answers of upstreams.", "upstream", "status"
        )
        self._bytes = histogram("cprs_body_bytes", "Size of bodies.", BYTES, "direction")
        self._failed = counter(
            "cprs_errors", "Requests the proxy itself refused or failed.", "code"
        )
        self._shadow = counter("cprs_shadow_answers", "Pairs of answers compared.", "agree")
        self._shadow_f1 = histogram("cprs_shadow_f1", "Token F1 of such pairs.", SHARES)
        self._reloads = counter("cprs_reloads", "Readings of the configuration.", "result")
        self.active = Gauge("cprs_active_requests", "Requests at work.", registry=self.registry)
        """To be raised when a request comes and lowered when it has gone."""

    def observe(self, record: Record) -> None:
        """Counts a finished request."""
        answered = record.upstream_status is not None and record.upstream_status < 300
        model = self._models.of(record.model, learn=answered and record.status < 300)
        endpoint = self._endpoints.of(record.endpoint)
        stream = "true" if record.stream else "false"
        self._at(self._requests, endpoint, model, _status(record.status), stream).inc()
        self._at(self._seconds, endpoint).observe(record.seconds)
        for stage, seconds in record.stages.items():
            self._at(self._stages, stage if stage in STAGES else "other").observe(seconds)
        if record.first_token is not None:
            self._at(self._first, endpoint, model).observe(record.first_token)
        if record.decision:
            words = self._words
            self._at(self._decisions, words.of(record.decision), words.of(record.reason)).inc()
        if record.tokens_in:
            self._tokens(record, model)
        if record.usage_in is not None:
            self._at(self._usage, model, "input").inc(record.usage_in)
        if record.usage_out is not None:
            self._at(self._usage, model, "output").inc(record.usage_out)
        if record.upstream:
            status = "none" if record.upstream_status is None else _status(record.upstream_status)
            self._at(self._upstream, self._upstreams.of(record.upstream), status).inc()
        self._at(self._bytes, "in").observe(record.bytes_in)
        self._at(self._bytes, "out").observe(record.bytes_out)
        if record.error:
            self._at(self._failed, self._errors.of(record.error)).inc()

    def _tokens(self, record: Record, model: str) -> None:
        forwarded = record.tokens_out if record.decision == "compress" else record.tokens_in
        self._at(self._tokens_in, model).inc(record.tokens_in)
        self._at(self._tokens_out, model).inc(forwarded)
        self._prompt.observe(record.tokens_in)
        if record.saved:
            self._at(self._saved, model).inc(record.saved)
            self._at(self._money, model).inc(record.money)
        if record.audited:
            self._at(self._audited, model).inc(record.audited)
        if not record.exact:
            self._at(self._estimates, model).inc()

    def _at(self, metric: M, *values: str) -> M:
        """As `metric.labels`, which takes several times as long. Label values are bounded."""
        key = (metric, values)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*values)
        return cast("M", child)

    def shadow(self, agreement: Agreement) -> None:
        """Counts two answers to one request, with and without compression."""
        self._shadow.labels(agreement.verdict).inc()
        self._shadow_f1.observe(agreement.f1)

    def reloaded(self, *, ok: bool) -> None:
        """Counts a reading of the configuration while running."""
        self._reloads.labels("ok" if ok else "failed").inc()

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is asked at each scrape. `value` must be quick
        and may be called from any thread."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def pool(
        self,
        *,
        waiting: Callable[[], float],
        running: Callable[[], float],
        fill: Callable[[], float],
    ) -> None:
        """Watches how many compressions wait for their turn and how many run, and what share of a
        batch of windows was used since the start, on the mean."""
        self.watch("cprs_queue_length", "Compressions that wait.", waiting)
        self.watch("cprs_running", "Compressions that run.", running)
        self.watch("cprs_batch_fill", "Mean share of a batch of windows that was used.", fill)

    def know(self, *, models: Iterable[str], upstreams: Iterable[str]) -> None:
        """Takes the names of a configuration that was read again."""
        self._models.know(models)
        self._upstreams.know(upstreams)

    def know_endpoints(self, endpoints: Iterable[str]) -> None:
        """Takes the templates of all routes there are."""
        self._endpoints.know(endpoints)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format, `CONTENT_TYPE`."""
        return generate_latest(self.registry)


def _status(status: int) -> str:
    return str(status) if 100 <= status <= 599 else "other"
