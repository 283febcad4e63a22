"""Metrics say what happened, in a bounded number of series."""

from __future__ import annotations

import time
from typing import Any

import pytest
from cprs_server.observe.labels import Labels
from cprs_server.observe.metrics import Metrics
from cprs_server.observe.record import Record, Stages
from cprs_server.shadow import agreement
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families


def record(**changes: Any) -> Record:
    return Record(
        **{
            "endpoint": "/v1/chat/completions",
            "status": 200,
            "form": "chat",
            "model": "gpt-4o",
            "decision": "compress",
            "reason": "over_trigger",
            "tokens_in": 50_000,
            "tokens_out": 4_000,
            "price": 2.5,
            "seconds": 1.5,
            "stages": {"plan": 0.01, "compress": 0.4},
            "upstream": "openai",
            "upstream_status": 200,
            "first_token": 0.8,
            "bytes_in": 200_000,
            "bytes_out": 900,
            **changes,
        }
    )


def made() -> Metrics:
    return Metrics(models=["gpt-4o"], upstreams=["openai"], endpoints=["/v1/chat/completions"])


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


def series(metrics: Metrics) -> int:
    text = metrics.render().decode()
    return sum(len(family.samples) for family in text_string_to_metric_families(text))


def test_a_compressed_request() -> None:
    metrics = made()
    metrics.observe(record())
    labels = {"endpoint": "/v1/chat/completions", "model": "gpt-4o"}
    assert value(metrics, "cprs_requests_total", **labels, status="200", stream="false") == 1
    why = {"decision": "compress", "reason": "over_trigger"}
    assert value(metrics, "cprs_decisions_total", **why) == 1
    assert value(metrics, "cprs_tokens_in_total", model="gpt-4o") == 50_000
    assert value(metrics, "cprs_tokens_out_total", model="gpt-4o") == 4_000
    assert value(metrics, "cprs_saved_tokens_total", model="gpt-4o") == 46_000
    assert value(metrics, "cprs_saved_money_total", model="gpt-4o") == 0.115
    assert value(metrics, "cprs_stage_seconds_sum", stage="compress") == 0.4
    assert value(metrics, "cprs_first_token_seconds_count", **labels) == 1
    assert value(metrics, "cprs_upstream_responses_total", upstream="openai", status="200") == 1
    assert value(metrics, "cprs_body_bytes_sum", direction="in") == 200_000


def test_what_was_forwarded_saved_nothing() -> None:
    metrics = made()
    metrics.observe(record(decision="forward", reason="below_trigger"))
    metrics.observe(record(decision="forward", reason="audit"))
    assert value(metrics, "cprs_saved_tokens_total", model="gpt-4o") == 0
    assert value(metrics, "cprs_saved_money_total", model="gpt-4o") == 0
    assert value(metrics, "cprs_audit_tokens_total", model="gpt-4o") == 46_000
    assert value(metrics, "cprs_tokens_out_total", model="gpt-4o") == 100_000


def test_what_was_cached_saves_less() -> None:
    metrics = made()
    metrics.observe(record(cached_price=0.25, discount=40_000))
    # 46,000 tokens at 2.5, but 40,000 of them would have cost 0.25.
    saved = value(metrics, "cprs_saved_money_total", model="gpt-4o")
    assert saved == pytest.approx((6_000 * 2.5 + 40_000 * 0.25) / 1e6)
    metrics.observe(record(cached_price=0.25, discount=90_000))  # the broken prefix cost more
    assert value(metrics, "cprs_saved_money_total", model="gpt-4o") == saved


def test_longer_than_before_is_no_negative_saving() -> None:
    metrics = made()
    metrics.observe(record(tokens_out=60_000))
    assert value(metrics, "cprs_saved_tokens_total", model="gpt-4o") == 0


def test_failures() -> None:
    metrics = made()
    failed = record(status=502, upstream_status=None, error="upstream_unreachable", exact=False)
    metrics.observe(failed)
    assert value(metrics, "cprs_errors_total", code="upstream_unreachable") == 1
    assert value(metrics, "cprs_upstream_responses_total", upstream="openai", status="none") == 1
    assert value(metrics, "cprs_token_estimates_total", model="gpt-4o") == 1


def test_clients_cannot_make_series() -> None:
    metrics = made()
    metrics.observe(record(stages={}, error="e0"))
    for n in range(100):
        metrics.observe(record(stages={}, error="e0", model=f"made-up-{n}", status=404))
        metrics.observe(record(stages={}, error="e0", upstream=f"u{n}", status=1000 + n))
    before = series(metrics)
    for n in range(600):
        invented = record(
            endpoint=f"/v1/{n}",
            model=f"learnt-{n}",
            reason=f"r{n}",
            decision=f"d{n}",
            stages={f"s{n}": 0.1},
            error=f"e{n}",
        )
        metrics.observe(invented)
    bounded = series(metrics)
    for n in range(600, 1200):
        invented = record(endpoint=f"/v1/{n}", model=f"m{n}", reason=f"r{n}", error=f"e{n}")
        metrics.observe(invented)
    assert bounded - before < 12_000
    assert series(metrics) - bounded < 500
    assert value(metrics, "cprs_tokens_in_total", model="other") > 0


def test_a_model_is_learnt_only_from_an_answer() -> None:
    metrics = made()
    metrics.observe(record(model="no-such", status=404, upstream_status=404))
    assert value(metrics, "cprs_tokens_in_total", model="other") == 50_000
    metrics.observe(record(model="llama"))
    assert value(metrics, "cprs_tokens_in_total", model="llama") == 50_000


@settings(deadline=None)
@given(st.lists(st.text(max_size=200)))
def test_labels_stay_in_bounds(values: list[str]) -> None:
    labels = Labels(["known"], room=5)
    got = {labels.of(value) for value in values} - {"", "known", "other"}
    assert len(got) <= 5
    assert labels.of("known") == "known"
    assert all(len(value) <= 100 and value.isascii() and '"' not in value for value in got)


def test_gauges_shadow_and_reloads() -> None:
    metrics = made()
    metrics.pool(waiting=lambda: 7, running=lambda: 2, fill=lambda: 0.75)
    metrics.shadow(agreement("Paris.", "paris"))
    metrics.shadow(agreement("Paris", "Rome"))
    metrics.reloaded(ok=False)
    with metrics.active.track_inprogress():
        text = metrics.render().decode()
    assert "cprs_active_requests 1.0" in text
    assert "cprs_queue_length 7.0" in text
    assert "cprs_batch_fill 0.75" in text
    assert value(metrics, "cprs_shadow_answers_total", agree="exact") == 1
    assert value(metrics, "cprs_shadow_answers_total", agree="no") == 1
    assert value(metrics, "cprs_reloads_total", result="failed") == 1


def test_two_proxies_in_one_process() -> None:
    one, other = made(), made()
    one.observe(record())
    assert value(other, "cprs_tokens_in_total", model="gpt-4o") == 0


def test_new_names_after_a_reload() -> None:
    metrics = made()
    metrics.know(models=["new"], upstreams=["else"])
    metrics.observe(record(model="new", status=500, upstream="else", upstream_status=500))
    assert value(metrics, "cprs_upstream_responses_total", upstream="else", status="500") == 1
    assert value(metrics, "cprs_tokens_in_total", model="new") == 50_000


def test_stages_add_up() -> None:
    now = iter([0.0, 1.0, 3.0, 4.0, 5.0, 9.0])
    stages = Stages(clock=lambda: next(now))
    with stages.time("plan"):
        pass
    with stages.time("plan"):
        pass
    stages.add("queue", 0.5)
    assert stages.seconds == {"plan": 3.0, "queue": 0.5}
    assert stages.total == 9.0


def test_costs_microseconds() -> None:
    metrics, one = made(), record()
    times = []
    for _ in range(300):
        before = time.perf_counter()
        metrics.observe(one)
        times.append(time.perf_counter() - before)
    assert min(times) < 300e-6
