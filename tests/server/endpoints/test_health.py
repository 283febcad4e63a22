"""Alive, ready, and metrics for those who may read them."""

from __future__ import annotations

import hashlib

import pytest
from cprs_server.access.keys import Keys
from cprs_server.config.settings import Key
from cprs_server.endpoints.health import Health, health_router
from cprs_server.errors import ProxyError
from cprs_server.observe.metrics import Metrics
from fastapi import FastAPI
from fastapi.testclient import TestClient


def client(health: Health, **more: object) -> TestClient:
    app = FastAPI()
    app.include_router(health_router(health, Metrics(), **more))  # type: ignore[arg-type]
    return TestClient(app)


def test_ready_between_start_and_drain() -> None:
    draining = False
    health = Health(draining=lambda: draining)
    web = client(health)
    assert web.get("/health/live").status_code == 200
    assert (web.get("/health/ready").status_code, web.get("/health/ready").json()) == (
        503,
        {"status": "starting"},
    )
    health.started()
    assert web.get("/health/ready").json() == {"status": "ok"}
    assert web.get("/health").status_code == 200
    draining = True
    assert web.get("/health/ready").json() == {"status": "draining"}
    assert web.get("/health/ready").status_code == 503
    assert web.get("/health/live").status_code == 200


def test_checks_are_told() -> None:
    said: str | None = "no weights"
    health = Health(checks={"critic": lambda: said, "queue": lambda: None})
    health.started()
    assert health.state() == (False, {"status": "failing", "checks": {"critic": "no weights"}})
    said = None
    assert health.state()[0]


def test_metrics_are_open_without_keys() -> None:
    answer = client(Health()).get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "cprs_active_requests 0.0" in answer.text


def test_metrics_want_a_key_where_there_are_keys() -> None:
    keys = Keys([Key(name="ann", sha256=hashlib.sha256(b"opensesame").hexdigest())])
    web = client(Health(), keys=lambda: keys)
    assert web.get("/metrics", headers={"authorization": "Bearer opensesame"}).status_code == 200
    assert web.get("/health/live").status_code == 200
    with pytest.raises(ProxyError, match="a key is needed"):
        web.get("/metrics")
