"""Every form through the whole proxy, streaming and not: what was sent arrives, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from cprs_server.app import create_app
from cprs_server.config.settings import Settings
from loopback import served
from programmable import Upstream, plain, stream
from shapes import (
    chat,
    chat_events,
    completion,
    completion_events,
    embeddings,
    message,
    message_events,
    response,
    response_events,
)

FACT = "The ferry to Rathlin leaves at 7:45 from the old quay."
NOISE = "The harbour was quiet and few people walked along it while the rain fell on the boats. "
LONG = f"{NOISE * 700}{FACT} {NOISE * 700}"
QUESTION = "When does the ferry to Rathlin leave?"
ASKED = f"{LONG}\n\n{QUESTION}"

FORMS: dict[str, tuple[str, Any, Any, Any]] = {
    "chat": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": ASKED}]},
        chat(),
        chat_events(usage=True),
    ),
    "completions": ("/v1/completions", {"prompt": ASKED}, completion(), completion_events()),
    "responses": (
        "/v1/responses",
        {"input": ASKED, "previous_response_id": None, "store": False},
        response(),
        response_events(),
    ),
    "messages": (
        "/v1/messages",
        {"max_tokens": 9, "messages": [{"role": "user", "content": ASKED}]},
        message(),
        message_events(),
    ),
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    server = Upstream(lambda seen: plain({}))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def proxy(upstream: Upstream) -> Iterator[str]:
    made = Settings.model_validate(
        {
            "upstreams": {"main": {"url": upstream.url}},
            "routes": [{"models": ["*"], "upstream": "main", "critic": "lexical"}],
        }
    )
    with served(create_app(made)) as url:
        yield url


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_both_ways(proxy: str, upstream: Upstream, form: str, streams: bool) -> None:
    path, asked, whole, events = FORMS[form]
    body = json.dumps({"model": "m-1", "x": [1.0, "é"], **asked, "stream": streams}, indent=1)
    answer = b"".join(events) if streams else json.dumps(whole, indent=2).encode()
    upstream.reply(stream(events) if streams else plain(answer))
    reply = httpx2.post(proxy + path, content=body.encode(), timeout=60)
    assert (reply.status_code, reply.content) == (200, answer)
    assert reply.headers["x-cprs-decision"] == "compress"
    sent = upstream.seen[-1].body.decode()
    head, _, tail = body.partition(json.dumps(ASKED)[1:-1])
    assert sent.startswith(head)
    assert sent.endswith(QUESTION + tail)
    assert FACT in sent
    assert len(sent) < 0.7 * len(body)


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        (
            "/v1/responses",
            b'{"model":"m", "previous_response_id":"resp_1", "input":"h\\u00ef"}',
            response(),
        ),
        ("/v1/embeddings", b'{"model": "e",  "input": "hello"}', embeddings()),
        (
            "/v1/messages/count_tokens",
            b'{"model":"c","messages":[{"role":"user","content":"Hi"}]}',
            {"input_tokens": 11},
        ),
        ("/v1/audio/speech", b'{"model":"tts","input":"Hi"}', {"any": "thing"}),
    ],
)
def test_what_is_only_passed_on(
    proxy: str, upstream: Upstream, path: str, body: bytes, answer: Any
) -> None:
    said = json.dumps(answer).encode()
    upstream.reply(plain(said))
    assert httpx2.post(proxy + path, content=body, timeout=60).content == said
    assert (upstream.seen[-1].path, upstream.seen[-1].body) == (path, body)
