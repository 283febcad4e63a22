"""The proxy as a whole: real clients on one side, a real upstream on the other."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from cprs_server.app import create_app
from cprs_server.config.reload import Reload
from cprs_server.config.settings import Settings
from loopback import served
from programmable import Close, Script, Seen, Upstream, eventually, hang, plain, stream
from shapes import (
    PARALLEL_CALLS,
    chat,
    chat_events,
    message_events,
    openai_error,
    response_events,
    tool_call,
)

from cprs.errors import OptionError

FACT = "The ferry to Rathlin leaves at 7:45 from the old quay."
QUESTION = "When does the ferry to Rathlin leave?"
_WORDS = "the harbour was quiet and few people walked along it while rain fell on boats".split()


def prose(sentences: int, seed: int = 0) -> str:
    rng = random.Random(seed)
    made = (" ".join(rng.choices(_WORDS, k=12)).capitalize() + "." for _ in range(sentences))
    return " ".join(made)


LONG = f"{prose(1500)} {FACT} {prose(1500, 1)}"
SHORT = f"{prose(150)} {FACT} {prose(150, 1)}"
FEW: Any = [{"role": "user", "content": f"{SHORT}\n\n{QUESTION}"}]
ASKED: Any = [{"role": "user", "content": f"{LONG}\n\n{QUESTION}"}]


def settings(upstream: Upstream | None = None, **more: Any) -> Settings:
    upstreams = {"main": {"url": upstream.url}} if upstream else {}
    route = {"models": ["*"], "upstream": "main" if upstream else "extract", "critic": "lexical"}
    return Settings.model_validate({"upstreams": upstreams, "routes": [route], **more})


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[str]:
    with served(create_app(settings(upstream))) as url:
        yield url


@pytest.fixture(scope="module")
def extracting() -> Iterator[str]:
    with served(create_app(Settings())) as url:
        yield url


_CLIENTS: list[openai.OpenAI | anthropic.Anthropic] = []


@pytest.fixture(autouse=True)
def _closed_clients() -> Iterator[None]:
    """An error that a test expects holds on to the client that raised it."""
    yield
    while _CLIENTS:
        _CLIENTS.pop().close()


def openai_at(url: str, *, api_key: str = "sk-secret", **more: Any) -> openai.OpenAI:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=api_key, max_retries=0, **more)
    _CLIENTS.append(client)
    return client


def anthropic_at(url: str) -> anthropic.Anthropic:
    client = anthropic.Anthropic(base_url=url, api_key="sk-ant-secret", max_retries=0)
    _CLIENTS.append(client)
    return client


def sent(upstream: Upstream) -> Any:
    return upstream.seen[-1].json["messages"][0]["content"]


def test_a_short_request_goes_through_untouched(proxy: str, upstream: Upstream) -> None:
    body = b'{ "model":"gpt-4o",\n "messages":[{"role":"user","content":"h\\u00ef"}],"x":1.0 }'
    headers = {"authorization": "Bearer sk-secret", "content-type": "application/json"}
    reply = httpx2.post(f"{proxy}/v1/chat/completions?a=b", content=body, headers=headers)
    assert reply.json() == chat()
    assert reply.headers["x-cprs-decision"] == "forward"
    assert reply.headers["x-cprs-reason"] == "below_trigger"
    seen = upstream.seen[-1]
    assert (seen.target, seen.body) == ("/v1/chat/completions?a=b", body)
    assert seen.header("authorization") == "Bearer sk-secret"
    assert not [name for name, _ in seen.headers if name.lower().startswith(b"x-cprs")]


@pytest.mark.parametrize("streams", [False, True])
def test_openai_with_a_long_document(proxy: str, upstream: Upstream, streams: bool) -> None:
    client = openai_at(proxy)
    if streams:
        got = client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True)
        said = "".join(c.choices[0].delta.content or "" for c in got if c.choices)
    else:
        raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=ASKED)
        assert raw.headers["x-cprs-decision"] == "compress"
        assert int(raw.headers["x-cprs-tokens-out"]) < int(raw.headers["x-cprs-tokens-in"]) / 1.5
        said = raw.parse().choices[0].message.content or ""
    assert said == "Hello there."
    content = sent(upstream)
    assert FACT in content
    assert content.endswith(QUESTION)
    assert len(content) < len(LONG) / 1.5


def test_the_same_request_gives_the_same_bytes(proxy: str, upstream: Upstream) -> None:
    for _ in range(2):
        openai_at(proxy).chat.completions.create(model="gpt-4o", messages=ASKED)
    assert upstream.seen[0].body == upstream.seen[1].body


def test_anthropic_with_a_document(proxy: str, upstream: Upstream) -> None:
    source: Any = {"type": "text", "media_type": "text/plain", "data": LONG}
    content: Any = [{"type": "document", "source": source}, {"type": "text", "text": QUESTION}]
    client = anthropic_at(proxy)
    said = client.messages.create(
        model="claude-opus-4-8", max_tokens=100, messages=[{"role": "user", "content": content}]
    )
    assert said.content[0].type == "text"
    document, question = sent(upstream)
    assert FACT in document["source"]["data"]
    assert len(document["source"]["data"]) < len(LONG) / 1.5
    assert question == content[1]


def test_what_lies_before_a_cache_marker_stays(proxy: str, upstream: Upstream) -> None:
    content: Any = [
        {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": QUESTION},
    ]
    with anthropic_at(proxy).messages.stream(
        model="claude-opus-4-8", max_tokens=100, messages=[{"role": "user", "content": content}]
    ) as said:
        said.until_done()
    assert sent(upstream) == content


def test_asked_for_in_the_body(proxy: str, upstream: Upstream) -> None:
    got = openai_at(proxy).chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": LONG}],
        extra_body={"cprs": {"query": QUESTION, "budget": 300, "mode": "always", "usage": True}},
    )
    assert "cprs" not in upstream.seen[-1].json
    assert FACT in sent(upstream)
    assert len(sent(upstream)) < 1500
    assert got.usage is not None
    assert got.usage.model_extra is not None
    assert got.usage.model_extra["cprs"]["decision"] == "compress"


@pytest.mark.parametrize(("mode", "decision"), [("off", "forward"), ("audit", "audit")])
def test_modes_that_change_nothing(
    proxy: str, upstream: Upstream, mode: str, decision: str
) -> None:
    client = openai_at(proxy, default_headers={"x-cprs": mode})
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=ASKED)
    assert raw.headers["x-cprs-decision"] == decision
    assert sent(upstream) == ASKED[0]["content"]


def test_tool_calls_and_other_answers_arrive_as_sent(proxy: str, upstream: Upstream) -> None:
    body = json.dumps(chat(None, tool_calls=PARALLEL_CALLS), indent=1).encode()
    upstream.reply(plain(body, headers=[("x-request-id", "r1"), ("openai-processing-ms", "5")]))
    reply = httpx2.post(f"{proxy}/v1/chat/completions", json={"model": "m", "messages": []})
    assert reply.content == body
    assert reply.headers["x-request-id"] == "r1"


@pytest.mark.parametrize(
    ("reply", "status"),
    [(plain(openai_error("slow down", code="rate"), status=429), 429), (hang(), 504)],
)
def test_upstream_failures(upstream: Upstream, reply: Any, status: int) -> None:
    made = settings(upstream)
    main = made.upstreams["main"].model_copy(update={"first_byte_timeout": 0.3})
    made = made.model_copy(update={"upstreams": {"main": main}})
    upstream.reply(reply)
    with served(create_app(made)) as url, pytest.raises(openai.APIStatusError) as failed:
        openai_at(url).chat.completions.create(model="m", messages=[])
    assert failed.value.status_code == status


def test_a_stream_that_breaks_off_is_an_error(proxy: str, upstream: Upstream) -> None:
    upstream.reply(stream(chat_events()[:2], ending=Close()))
    got = openai_at(proxy).chat.completions.create(model="m", messages=[], stream=True)
    with pytest.raises(openai.APIError):
        list(got)
    upstream.reply(stream(message_events()[:3], ending=Close()))
    with (
        pytest.raises(anthropic.APIStatusError),
        anthropic_at(proxy).messages.stream(model="m", max_tokens=9, messages=[]) as said,
    ):
        said.until_done()


def test_a_stream_without_its_end_is_an_error(proxy: str, upstream: Upstream) -> None:
    """It ends in order and between two events, and yet is not whole."""
    client = openai_at(proxy)
    upstream.reply(stream(chat_events()[:3]))
    with pytest.raises(openai.APIError, match="ended before its answer"):
        list(client.chat.completions.create(model="m", messages=[], stream=True))
    upstream.reply(stream([*chat_events()[:2], chat_events()[2].rstrip()]))
    with pytest.raises(openai.APIError, match="ended before its answer"):
        list(client.chat.completions.create(model="m", messages=[], stream=True))
    upstream.reply(stream(response_events()[:-1]))
    with pytest.raises(openai.APIError, match="ended before its answer"):
        list(client.responses.create(model="m", input="Hi", stream=True))
    upstream.reply(stream(message_events()[:-2]))
    with (
        pytest.raises(anthropic.APIStatusError, match="ended before its answer"),
        anthropic_at(proxy).messages.stream(model="m", max_tokens=9, messages=[]) as said,
    ):
        said.until_done()
    told = httpx2.get(f"{proxy}/metrics").text
    assert 'cprs_errors_total{code="upstream_broke_off"} 4.0' in told


def test_not_every_upstream_says_that_it_is_done(proxy: str, upstream: Upstream) -> None:
    events = chat_events(usage=True)[:-1]
    upstream.reply(stream(events))
    body = {"model": "m", "messages": [], "stream": True}
    reply = httpx2.post(f"{proxy}/v1/chat/completions", json=body)
    assert reply.content == b"".join(events)


def test_a_client_that_goes_before_the_first_byte(proxy: str, upstream: Upstream) -> None:
    upstream.reply(hang())
    with pytest.raises(openai.APITimeoutError):
        openai_at(proxy, timeout=0.3).chat.completions.create(model="m", messages=[])
    assert upstream.wait_gone()


def test_other_paths_pass_through(proxy: str, upstream: Upstream) -> None:
    upstream.reply(plain({"id": "file-1"}))
    reply = httpx2.post(f"{proxy}/v1/files", content=b"\x00\xff raw", headers={"x-a": "b"})
    assert reply.json() == {"id": "file-1"}
    assert upstream.seen[-1].body == b"\x00\xff raw"
    assert openai_at(proxy).embeddings.create(model="e", input="hello").data


def test_errors_of_ours_are_in_the_clients_form(proxy: str) -> None:
    with pytest.raises(openai.BadRequestError, match=r"cprs\.ratio"):
        openai_at(proxy).chat.completions.create(
            model="m", messages=[], extra_body={"cprs": {"ratio": 0.1}}
        )
    reply = httpx2.post(f"{proxy}/v1/messages", content=b"{", headers={"x-api-key": "k"})
    assert reply.status_code == 400
    assert reply.json()["type"] == "error"


def test_too_long_for_the_model(upstream: Upstream) -> None:
    made = settings(upstream, windows={"tiny*": 2000})
    with served(create_app(made)) as url, pytest.raises(openai.APIStatusError) as failed:
        openai_at(url).chat.completions.create(
            model="tiny-1", messages=[{"role": "user", "content": f"Translate this:\n\n{LONG}"}]
        )
    assert failed.value.status_code == 413
    assert "2000" in failed.value.message
    assert not upstream.seen


@pytest.mark.parametrize("streams", [False, True])
def test_a_share_is_answered_both_ways(upstream: Upstream, streams: bool) -> None:
    if streams:
        again = chat_events(("It leaves", " at", " 7:45."))
        upstream.reply(stream(chat_events(("At", " 7:45."))), stream(again))
    else:
        upstream.reply(plain(chat("At 7:45.")), plain(chat("It leaves at 7:45.")))
    with served(create_app(settings(upstream, shadow=1.0))) as url:
        client = openai_at(url).chat.completions
        if streams:
            got = client.create(model="gpt-4o", messages=ASKED, stream=True)
            said = "".join(c.choices[0].delta.content or "" for c in got if c.choices)
        else:
            said = client.create(model="gpt-4o", messages=ASKED).choices[0].message.content or ""
        assert said == "At 7:45."
        assert upstream.wait_seen(2)
        assert sent(upstream) == ASKED[0]["content"]
        counted = 'cprs_shadow_answers_total{agree="near"} 1.0'
        assert eventually(lambda: counted in httpx2.get(f"{url}/metrics").text, 5)


@pytest.mark.parametrize("streams", [False, True])
def test_a_model_gets_back_what_was_left_out(upstream: Upstream, streams: bool) -> None:
    def call(seen: Seen) -> Script:
        name = seen.body.decode().rpartition("hash=")[2][:24]
        again = tool_call("cprs_retrieve", json.dumps({"hash": name}))
        return plain(chat(None, tool_calls=[again]))

    upstream.reply(call, plain(chat("At 7:45.")))
    made = settings(upstream, retrieve_tool=True, policy={"markers": True})
    with served(create_app(made)) as url:
        client = openai_at(url).chat.completions
        if streams:
            got = client.create(model="gpt-4o", messages=ASKED, stream=True)
            said = "".join(c.choices[0].delta.content or "" for c in got if c.choices)
        else:
            said = client.create(model="gpt-4o", messages=ASKED).choices[0].message.content or ""
    assert said == "At 7:45."
    first, second = (seen.json for seen in upstream.seen)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["cprs_retrieve"]
    assert second["messages"][-1]["content"] == LONG


def test_keys_of_ours(upstream: Upstream) -> None:
    import hashlib

    digest = hashlib.sha256(b"mine").hexdigest()
    key = {"name": "ann", "sha256": digest, "requests_per_minute": 3, "max": {"tokens": 5000}}
    with served(create_app(settings(upstream, keys=[key]))) as url:
        with pytest.raises(openai.AuthenticationError):
            openai_at(url).chat.completions.create(model="m", messages=[])
        client = openai_at(url, api_key="mine")
        raw = client.chat.completions.with_raw_response.create(model="m", messages=[])
        assert raw.headers["x-ratelimit-limit-requests"] == "3"
        assert upstream.seen[-1].header("authorization") is None
        with pytest.raises(openai.APIStatusError, match="may send 5000"):
            client.chat.completions.create(model="m", messages=ASKED)
        client.chat.completions.create(model="m", messages=[])
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="m", messages=[])


@pytest.mark.parametrize("streams", [False, True])
def test_extract_needs_no_upstream(extracting: str, streams: bool) -> None:
    client = openai_at(extracting)
    if streams:
        chunks = client.chat.completions.create(model="any", messages=FEW, stream=True)
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    else:
        got = client.chat.completions.create(model="any", messages=FEW)
        said = got.choices[0].message.content or ""
    assert FACT in said
    assert len(said) < len(SHORT) / 4


def test_extract_for_the_other_forms(extracting: str) -> None:
    response = openai_at(extracting).responses.create(model="any", input=f"{SHORT}\n\n{QUESTION}")
    assert FACT in response.output_text
    said = anthropic_at(extracting).messages.create(model="any", max_tokens=400, messages=FEW)
    assert said.content[0].type == "text"
    assert FACT in said.content[0].text
    counted = anthropic_at(extracting).messages.count_tokens(model="any", messages=FEW)
    assert len(SHORT) / 8 < counted.input_tokens < len(SHORT) / 2
    with pytest.raises(openai.BadRequestError, match="embeddings"):
        openai_at(extracting).embeddings.create(model="any", input="hello")


def test_what_becomes_of_settings_and_requests_is_counted(upstream: Upstream) -> None:
    made = settings(upstream)
    read: Iterator[Settings | OptionError] = iter([made, OptionError("broken")])

    def load() -> Settings:
        found = next(read)
        if isinstance(found, OptionError):
            raise found
        return found

    reload = Reload(made, load)
    with served(create_app(made, reload=reload)) as url:
        assert [reload.now(), reload.now()] == [True, False]
        assert httpx2.post(f"{url}/v1/messages", content=b"{").status_code == 400
        told = httpx2.get(f"{url}/metrics").text
    for line in (
        'cprs_reloads_total{result="ok"} 1.0',
        'cprs_reloads_total{result="failed"} 1.0',
        "cprs_queue_length 0.0",
        "cprs_batch_fill 0.0",
    ):
        assert line in told
    counted = [line for line in told.splitlines() if line.startswith("cprs_requests_total")]
    assert len(counted) == 1
    assert 'status="400"' in counted[0]


def test_own_endpoints(proxy: str) -> None:
    assert httpx2.get(f"{proxy}/health/ready").json() == {"status": "ok"}
    assert "cprs_active_requests" in httpx2.get(f"{proxy}/metrics").text
    assert httpx2.get(f"{proxy}/nowhere").status_code == 404
    names = [model.id for model in openai_at(proxy).models.list()]
    assert "cprs/extract" in names
