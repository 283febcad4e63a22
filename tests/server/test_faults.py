"""The whole proxy under faults: clients that go while it compresses, an upstream in chaos."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import pytest
from cprs_server.app import create_app
from cprs_server.config.settings import Settings
from cprs_server.running.service import Service
from gated import Gated, until
from loopback import served
from programmable import (
    Close,
    Hang,
    Pause,
    Reset,
    Script,
    Step,
    Upstream,
    after,
    cut,
    eventually,
    garbage,
    hang,
    plain,
    reset,
    stream,
)
from shapes import chat, chat_events, openai_error

TEXT = "Ann Lee says so. " * 6000
BODY = {"model": "m", "messages": [{"role": "user", "content": f"{TEXT}\n\nWho says so?"}]}
IDLE = "cprs_active_requests 0.0"


@contextmanager
def proxied(upstream: Upstream, service: Service | None = None, **main: Any) -> Iterator[str]:
    made = Settings.model_validate(
        {
            "upstreams": {"main": {"url": upstream.url, **main}},
            "routes": [{"models": ["*"], "upstream": "main", "critic": "lexical"}],
        }
    )
    with served(create_app(made, service=service)) as url:
        yield url


def post(url: str, body: bytes) -> socket.socket:
    """A request under way."""
    host, _, port = url.removeprefix("http://").partition(":")
    client = socket.create_connection((host, int(port)), 30)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    return client


def test_clients_that_go_while_it_compresses(upstream: Upstream) -> None:
    critic = Gated()
    service = Service(critics={"lexical": critic}, workers=1, running=1)
    with proxied(upstream, service) as url:
        with ExitStack() as going:
            for _ in range(3):
                going.enter_context(post(url, json.dumps(BODY).encode()))
            critic.wait_for(1)
            until(lambda: service.status.running + service.status.waiting == 3)
        until(lambda: service.status.waiting == 0)
        assert eventually(lambda: IDLE in httpx2.get(f"{url}/metrics").text, 10)
        critic.let(1)  # the batch in hand
        until(lambda: service.status.running == 0)
        assert len(critic.begun) == 1
        assert not upstream.seen
        critic.let(100_000)
        reply = httpx2.post(f"{url}/v1/chat/completions", json=BODY, timeout=60)
        assert reply.json() == chat()


def test_a_full_queue_is_told_in_the_clients_form(upstream: Upstream) -> None:
    critic = Gated()
    service = Service(critics={"lexical": critic}, workers=1, running=1, queue=0)
    with proxied(upstream, service) as url, ExitStack() as held:
        for _ in range(4):  # as many short ones may run
            held.enter_context(post(url, json.dumps(BODY).encode()))
        until(lambda: service.status.running == 4)
        reply = httpx2.post(f"{url}/v1/chat/completions", json=BODY, timeout=60)
        assert (reply.status_code, reply.json()["error"]["code"]) == (429, "queue_full")
        assert 1 <= int(reply.headers["retry-after"]) <= 60
        critic.let(100_000)


def test_a_storm_of_cancelled_requests(upstream: Upstream) -> None:
    """200 requests are aborted, then one is answered at once."""
    upstream.reply(*[hang()] * 200)
    body = b'{"model": "m", "messages": []}'
    with proxied(upstream) as url:
        with ExitStack() as storm:
            for _ in range(200):
                storm.enter_context(post(url, body))
            assert upstream.wait_seen(200, seconds=60)
        assert upstream.wait_gone(200, seconds=30)
        reply = httpx2.post(f"{url}/v1/chat/completions", content=body, timeout=10)
        assert reply.json() == chat()
        assert eventually(lambda: IDLE in httpx2.get(f"{url}/metrics").text, 10)


_ENDINGS: list[Step] = [Close(), Reset(), Hang(), b"zz\r\n", b"0\r\n\r\n"]


def _chaos(seed: int) -> list[tuple[bool, bool, Script]]:
    """Requests: does it stream, is its answer whole, and what the upstream does."""
    rng, made = random.Random(seed), []
    events, whole = chat_events(), json.dumps(chat()).encode()
    for _ in range(80):
        ending = rng.choice(_ENDINGS)
        some = [*events[: rng.randrange(1, 4)], events[1][: rng.randrange(1, 40)]]
        made.append(
            rng.choice(
                [
                    (False, True, plain(whole)),
                    (False, True, after(rng.uniform(0, 0.2), plain(whole))),
                    (False, False, plain(openai_error("no"), status=rng.choice([400, 429, 500]))),
                    (False, False, cut(whole[:50], said=len(whole))),
                    (False, False, rng.choice([garbage(), reset(), hang()])),
                    (True, True, stream(events, gap=rng.uniform(0, 0.02))),
                    (True, False, stream(some, ending=ending)),
                    (True, False, stream(events[:3])),
                    (True, False, Script((b"HTTP/1.1 200 OK\r\n", Pause(0.05), Close()))),
                ]
            )
        )
    return made


@pytest.mark.parametrize("seed", [1, 2])
def test_an_upstream_in_chaos(upstream: Upstream, seed: int) -> None:
    """Eighty requests, eight at a time: each ends in time, whole or with an error that says so."""
    asked = _chaos(seed)
    upstream.default = lambda seen: asked[int(seen.json["messages"][0]["content"])][2]
    wrong: list[tuple[int, int, bytes]] = []
    lock = threading.Lock()

    def ask(number: int) -> None:
        streams, whole, _ = asked[number]
        words = [{"role": "user", "content": str(number)}]
        body = {"model": "m", "messages": words, "stream": streams}
        reply = client.post("/v1/chat/completions", json=body)
        said = reply.content
        if streams and reply.status_code == 200:
            good = b'"error"' not in said and said.endswith(b"data: [DONE]\n\n")
            bad = json.loads(said.split(b"data: ")[-1]).get("error") if not good else None
        else:
            good = reply.status_code == 200 and reply.json() == chat()
            bad = None if good else reply.json()["error"]
        if good is not whole or (not good and not bad):
            with lock:
                wrong.append((number, reply.status_code, said[-200:]))

    with (
        proxied(upstream, first_byte_timeout=4.0) as url,
        httpx2.Client(base_url=url, timeout=30) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        list(pool.map(ask, range(len(asked))))
        assert not wrong
        assert eventually(lambda: IDLE in client.get("/metrics").text, 10)
