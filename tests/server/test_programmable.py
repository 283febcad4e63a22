"""The programmable upstream does to real clients what it is told to."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

import anthropic
import openai
import pytest
from loopback import served
from programmable import Close, Hang, Reset, Upstream, cut, garbage, hang, plain, reset, stream
from shapes import PARALLEL_CALLS, chat, chat_events, message_events, tool_use


def post(url: str, body: Any = None, seconds: float = 5.0) -> bytes:
    data = json.dumps(body or {}).encode()
    with urllib.request.urlopen(url, data, seconds) as response:
        return bytes(response.read())


def test_openai_client_reads_every_shape(upstream: Upstream) -> None:
    client = openai.OpenAI(base_url=upstream.url + "/v1", api_key="k", max_retries=0)
    said: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    assert client.chat.completions.create(**said).choices[0].message.content == "Hello there."
    chunks = list(
        client.chat.completions.create(**said, stream=True, stream_options={"include_usage": True})
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello there."
    assert chunks[-1].usage is not None
    upstream.reply(stream(chat_events(tool_calls=PARALLEL_CALLS)))
    with client.chat.completions.stream(**said) as streaming:
        calls = streaming.get_final_completion().choices[0].message.tool_calls or []
    assert [getattr(call, "function").arguments for call in calls] == [  # noqa: B009 - not on all of a union
        '{"city":"Oslo"}',
        '{"city":"Bern"}',
    ]
    assert client.responses.create(model="m", input="Hi").output_text == "Hello there."
    with client.responses.stream(model="m", input="Hi") as events:
        assert events.get_final_response().output_text == "Hello there."
    assert client.embeddings.create(model="m", input="Hi", encoding_format="float").data
    assert client.completions.create(model="m", prompt="Hi").choices[0].text == " there."
    assert [model.id for model in client.models.list()] == ["gpt-4o-mini", "gpt-4o"]
    client.close()


def test_anthropic_client_reads_every_shape(upstream: Upstream) -> None:
    client = anthropic.Anthropic(base_url=upstream.url, api_key="k", max_retries=0)
    said: Any = {
        "model": "claude",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    assert client.messages.create(**said).content[0].type == "text"
    upstream.reply(stream(message_events(tools=[tool_use("weather", {"city": "Oslo"})])))
    with client.messages.stream(**said) as streaming:
        final = streaming.get_final_message()
    assert [block.type for block in final.content] == ["text", "tool_use"]
    counted = client.messages.count_tokens(model="claude", messages=said["messages"])
    assert counted.input_tokens == 11
    client.close()


def test_faults_reach_the_client(upstream: Upstream) -> None:
    url = upstream.url + "/v1/x"
    upstream.reply(reset(), garbage(), cut(b"{", said=10))
    with pytest.raises(ConnectionResetError):
        post(url)
    with pytest.raises(http.client.BadStatusLine):
        post(url)
    with pytest.raises(http.client.IncompleteRead):
        post(url)
    endings: list[Reset | Close] = [Reset(), Close()]
    for ending in endings:
        upstream.reply(stream([b"data: 1\n\n"], ending=ending))
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            post(url)
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(url)
    assert caught.value.code == 404
    caught.value.close()


def test_it_notices_who_leaves(upstream: Upstream) -> None:
    upstream.reply(hang(), stream([b"data: 1\n\n"], ending=Hang()))
    for count in (1, 2):
        with pytest.raises(TimeoutError):
            post(upstream.url + "/v1/x", seconds=0.1)
        assert upstream.wait_gone(count)
    assert len(upstream.seen) == 2


def test_connections_are_kept(upstream: Upstream) -> None:
    connection = http.client.HTTPConnection(upstream.url.removeprefix("http://"))
    for _ in range(3):
        upstream.reply(plain(chat()))
        connection.request("POST", "/v1/chat/completions", b"{}", {"X-Tag": "a"})
        assert connection.getresponse().read()
    connection.close()
    assert upstream.connections == 1
    assert upstream.seen[-1].header("x-tag") == "a"


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


def test_an_app_is_served() -> None:
    with served(app) as url:
        assert post(url) == b"here"
