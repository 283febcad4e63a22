"""What the log and the metrics know of requests of every kind."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cprs_server.app import create_app
from cprs_server.config.settings import Settings
from cprs_server.observe.logs import logging_to
from cprs_server.planning.counting import Counting
from cprs_server.planning.planner import Planner
from loopback import served
from programmable import Upstream, eventually, stream
from shapes import chat_events
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from cprs.errors import CprsError
from cprs.tokens import TokenCounter, counter_for

KEY = "cprs-aKey_0123456789abcdefghijklmnopqrst"
ANN = {"name": "ann", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}
TEXT = "Ann Lee chaired the meeting. Lunch was late. " * 60
WORDS = {"model": "m", "messages": [{"role": "user", "content": "private words"}]}


@contextmanager
def logged(url: str | None, **more: Any) -> Iterator[tuple[str, Callable[[], list[Any]]]]:
    """A proxy before `url`, and the lines of its log."""
    written = io.StringIO()
    upstream = "main" if url else "extract"
    settings = Settings.model_validate(
        {
            "upstreams": {"main": {"url": url}} if url else {},
            "routes": [{"models": ["*"], "upstream": upstream, "critic": "lexical"}],
            **more,
        }
    )

    def lines() -> list[Any]:
        return [json.loads(line) for line in written.getvalue().splitlines()]

    with logging_to(written), served(create_app(settings)) as at:
        yield at, lines


def requests(lines: list[Any]) -> list[Any]:
    return [line for line in lines if line["message"] == "request"]


def test_our_own_endpoints_are_logged_and_counted() -> None:
    shown = {"x-cprs-key": KEY}
    with logged(None, keys=[ANN]) as (url, lines), httpx2.Client(base_url=url) as client:
        wanted = {"text": TEXT, "query": "Who chaired?", "budget": 50, "critic": "lexical"}
        made = client.post("/v1/compress", json=wanted, headers=shown).json()
        client.get(f"/v1/compressions/{made['id']}", headers=shown)
        client.post("/v1/compress", json={"text": "a"}, headers=shown)
        client.post("/v1/plan", json=WORDS)
        client.get("/v1/compressing", headers=shown)
        client.get("/health/live")
        assert eventually(lambda: len(requests(lines())) == 5, 5)
        metrics = client.get("/metrics", headers=shown).text
    found = requests(lines())
    assert [(line.get("key"), line["endpoint"], line["status"]) for line in found] == [
        ("ann", "/v1/compress", 200),
        ("ann", "/v1/compressions/{id}", 200),
        ("ann", "/v1/compress", 400),
        (None, "/v1/plan", 401),
        (None, "/{path}", 404),
    ]
    assert found[0]["id"] == made["id"]
    assert found[0]["bytes_out"] > len(made["text"])
    assert [line.get("error") for line in found[2:4]] == ["no_query", "invalid_api_key"]
    assert 'cprs_requests_total{endpoint="/v1/compress",model="' in metrics
    assert 'cprs_errors_total{code="no_query"} 1.0' in metrics
    assert "cprs_active_requests 0.0" in metrics


def test_faults_of_our_own_endpoints_are_told_without_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("private words")

    monkeypatch.setattr("cprs_server.endpoints.compress.job_of", broken)
    with logged(None) as (url, lines):
        wanted = {"text": TEXT, "query": "Who chaired?"}
        answer = httpx2.post(f"{url}/v1/compress", json=wanted)
        assert eventually(lambda: bool(requests(lines())), 5)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "fault"
    assert "private" not in json.dumps(lines())
    [told] = requests(lines())
    assert (told["level"], told["error"]) == ("warning", "fault")
    assert f"{told['id']}: a fault of the proxy: RuntimeError" in json.dumps(lines())


def test_websockets_are_logged_and_count_as_requests() -> None:
    def echo(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    key = {**ANN, "requests_per_minute": 1}
    with serve(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        with logged(f"http://127.0.0.1:{port}", keys=[key]) as (url, lines):
            at, shown = url.replace("http", "ws") + "/v1/realtime", {"x-cprs-key": KEY}
            with connect(at, additional_headers=shown, proxy=None) as client:
                client.send("hello")
                assert client.recv() == "hello"
            with (
                pytest.raises(InvalidStatus) as refused,
                connect(at, additional_headers=shown, proxy=None),
            ):
                pass
            assert eventually(lambda: len(requests(lines())) == 2, 5)
        server.shutdown()
        thread.join(5)
    assert refused.value.response.status_code == 429
    assert "retry-after" in refused.value.response.headers
    told = {line["status"]: line for line in requests(lines())}
    assert set(told) == {101, 429}
    assert (told[101]["key"], told[101]["upstream"]) == ("ann", "main")
    assert told[429]["error"] == "rate_limit_exceeded"


@pytest.mark.parametrize("asked_for", [True, False])
def test_texts_are_logged_when_asked_for(upstream: Upstream, asked_for: bool) -> None:
    upstream.reply(stream(chat_events("public words")))
    with logged(upstream.url, log={"content": asked_for}) as (url, lines):
        body = {**WORDS, "stream": True, "cprs": "off"}
        httpx2.post(f"{url}/v1/chat/completions", json=body)
        assert eventually(lambda: bool(requests(lines())), 5)
    found = [line for line in lines() if line["message"] == "content"]
    assert ("private words" in json.dumps(lines())) is asked_for
    if asked_for:
        [texts] = found
        assert texts["id"] == requests(lines())[0]["id"]
        assert json.loads(texts["request"]) == body
        assert json.loads(texts["sent"]) == {**WORDS, "stream": True}
        assert texts["answer"].startswith("data: {")
        assert texts["answer"].endswith("data: [DONE]\n\n")


def test_a_tokenizer_that_loads_holds_up_nobody_else(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading, going = threading.Event(), threading.Event()

    def load(name: str) -> TokenCounter:
        if name == "slow":
            loading.set()
            assert going.wait(20)
        return counter_for(name)

    monkeypatch.setattr("cprs_server.app.Planner", lambda: Planner(Counting(load)))
    with logged(upstream.url) as (url, _):
        answers: list[int] = []

        def ask() -> None:
            said = httpx2.post(f"{url}/v1/chat/completions", json={**WORDS, "model": "slow"})
            answers.append(said.status_code)

        thread = threading.Thread(target=ask)
        thread.start()
        assert loading.wait(10)
        assert httpx2.get(f"{url}/health/live", timeout=5).status_code == 200
        assert not answers
        going.set()
        thread.join(10)
        assert answers == [200]


def test_why_it_does_not_start_is_one_line(tmp_path: Path) -> None:
    route = {"models": ["*"], "upstream": "extract", "critic": f"{tmp_path}/"}
    app = create_app(Settings.model_validate({"routes": [route]}))
    told: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        told.append(message)

    with pytest.raises(CprsError):
        asyncio.run(app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))
    [failed] = told
    assert failed["type"] == "lifespan.startup.failed"
    assert str(tmp_path) in failed["message"]
    assert "\n" not in failed["message"]
