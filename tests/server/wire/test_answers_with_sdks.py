"""Answers, streams and errors of ours, read by the vendors' own clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from cprs_server.wire.base import Answer, Form
from cprs_server.wire.forms import FORMS
from cprs_server.wire.sse import pieces
from hypothesis import example, given, settings
from hypothesis import strategies as st

TEXT = 'The café\'s answer:\n\n\t\u2028next\u0085line 😀 "quoted" \\ ' + "word " * 200 + "end"
ANSWER = Answer("abc123", "extract", TEXT, 1200, 34, 1_700_000_000, {"ratio": 8.5})
QUESTION: Any = [{"role": "user", "content": "?"}]


def respond(
    body: bytes | Iterator[bytes], *, status: int = 200, stream: bool = False
) -> httpx2.MockTransport:
    """A server that says `body`, a stream in small pieces that end anywhere."""

    def cut() -> Iterator[bytes]:
        whole = body if isinstance(body, bytes) else b"".join(body)
        for start in range(0, len(whole), 7):
            yield whole[start : start + 7]

    def handle(request: httpx2.Request) -> httpx2.Response:
        kind = "text/event-stream" if stream else "application/json"
        headers = {"content-type": kind}
        return httpx2.Response(
            status, headers=headers, content=cut() if stream else b"".join(cut())
        )

    return httpx2.MockTransport(handle)


def openai_client(transport: httpx2.MockTransport) -> openai.OpenAI:
    client = httpx2.Client(transport=transport)
    url = "http://proxy.test/v1"
    return openai.OpenAI(api_key="k", base_url=url, http_client=client, max_retries=0)


def anthropic_client(transport: httpx2.MockTransport) -> anthropic.Anthropic:
    client = httpx2.Client(transport=transport)
    url = "http://proxy.test"
    return anthropic.Anthropic(api_key="k", base_url=url, http_client=client, max_retries=0)


def events(form: str, *, usage: bool = True) -> httpx2.MockTransport:
    return respond(FORMS[form].events(ANSWER, usage=usage), stream=True)


def whole(form: str) -> httpx2.MockTransport:
    return respond(FORMS[form].answer(ANSWER))


def test_chat_answer() -> None:
    with openai_client(whole("chat")) as client:
        said = client.chat.completions.create(model="m", messages=QUESTION)
    assert said.id == "chatcmpl-abc123"
    assert said.choices[0].message.content == TEXT
    assert said.choices[0].finish_reason == "stop"
    assert said.usage is not None
    assert (said.usage.prompt_tokens, said.usage.total_tokens) == (1200, 1234)
    assert (said.usage.model_extra or {})["cprs"] == {"ratio": 8.5}


@pytest.mark.parametrize("usage", [True, False])
def test_chat_stream(usage: bool) -> None:
    with openai_client(events("chat", usage=usage)) as client:
        stream = client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        chunks = list(stream)
    last = chunks.pop() if usage else None
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)
    assert all(("usage" in chunk.to_dict()) is usage for chunk in chunks)
    if last is not None:
        assert last.choices == []
        assert last.usage is not None
        assert last.usage.total_tokens == 1234


def test_chat_stream_accumulated_by_the_client() -> None:
    with (
        openai_client(events("chat")) as client,
        client.chat.completions.stream(model="m", messages=QUESTION) as stream,
    ):
        final = stream.get_final_completion()
    assert final.choices[0].message.content == TEXT


def test_completions_answer_and_stream() -> None:
    with openai_client(whole("completions")) as client:
        said = client.completions.create(model="m", prompt="?")
    assert said.choices[0].text == TEXT
    assert said.usage is not None
    assert said.usage.completion_tokens == 34
    with openai_client(events("completions")) as client:
        chunks = list(client.completions.create(model="m", prompt="?", stream=True))
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == TEXT
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


def test_responses_answer() -> None:
    with openai_client(whole("responses")) as client:
        said = client.responses.create(model="m", input="?")
    assert said.output_text == TEXT
    assert said.status == "completed"
    assert said.usage is not None
    assert said.usage.input_tokens == 1200
    assert type(said).model_validate(said.to_dict(), strict=False).id == "resp_abc123"


def test_responses_stream() -> None:
    with openai_client(events("responses")) as client:
        found = list(client.responses.create(model="m", input="?", stream=True))
    assert [event.sequence_number for event in found] == list(range(len(found)))
    assert found[0].type == "response.created"
    assert found[-1].type == "response.completed"
    assert found[-1].response.output_text == TEXT
    for event in found:  # strictly: each has all that its type demands
        type(event).model_validate(event.to_dict())
    with (
        openai_client(events("responses")) as client,
        client.responses.stream(model="m", input="?") as stream,
    ):
        assert stream.get_final_response().output_text == TEXT


def test_messages_answer() -> None:
    with anthropic_client(whole("messages")) as client:
        said = client.messages.create(model="m", max_tokens=9, messages=QUESTION)
    assert said.content[0].type == "text"
    assert said.content[0].text == TEXT
    assert said.stop_reason == "end_turn"
    assert (said.usage.input_tokens, said.usage.output_tokens) == (1200, 34)
    assert (said.usage.model_extra or {})["cprs"] == {"ratio": 8.5}
    type(said).model_validate(said.to_dict())


def test_messages_stream() -> None:
    with anthropic_client(events("messages")) as client:
        raw = client.messages.create(model="m", max_tokens=9, messages=QUESTION, stream=True)
        for event in raw:
            type(event).model_validate(event.to_dict())
    with (
        anthropic_client(events("messages")) as client,
        client.messages.stream(model="m", max_tokens=9, messages=QUESTION) as stream,
    ):
        said = stream.get_final_message()
        assert stream.get_final_text() == TEXT
    assert (said.usage.input_tokens, said.usage.output_tokens) == (1200, 34)
    assert (said.usage.model_extra or {})["cprs"] == {"ratio": 8.5}
    assert said.stop_reason == "end_turn"


def test_count_tokens_answer() -> None:
    with anthropic_client(whole("count_tokens")) as client:
        assert client.messages.count_tokens(model="m", messages=QUESTION).input_tokens == 1200


STATUSES: list[tuple[int, type[openai.APIError], type[anthropic.APIError], str]] = [
    (400, openai.BadRequestError, anthropic.BadRequestError, "invalid_request_error"),
    (401, openai.AuthenticationError, anthropic.AuthenticationError, "authentication_error"),
    (403, openai.PermissionDeniedError, anthropic.PermissionDeniedError, "permission_error"),
    (404, openai.NotFoundError, anthropic.NotFoundError, "not_found_error"),
    (413, openai.APIStatusError, anthropic.APIStatusError, "request_too_large"),
    (429, openai.RateLimitError, anthropic.RateLimitError, "rate_limit_error"),
    (500, openai.InternalServerError, anthropic.InternalServerError, "api_error"),
    (502, openai.InternalServerError, anthropic.InternalServerError, "api_error"),
    (503, openai.InternalServerError, anthropic.ServiceUnavailableError, "overloaded_error"),
    (504, openai.InternalServerError, anthropic.GatewayTimeoutError, "timeout_error"),
]


@pytest.mark.parametrize(("status", "of_openai", "of_anthropic", "kind"), STATUSES)
def test_errors_are_the_clients_own(
    status: int,
    of_openai: type[openai.APIError],
    of_anthropic: type[anthropic.APIError],
    kind: str,
) -> None:
    def error(form: str) -> httpx2.MockTransport:
        return respond(FORMS[form].error(status, "what went wrong", code="word"), status=status)

    asks: list[tuple[str, Callable[[openai.OpenAI], Any]]] = [
        ("chat", lambda c: c.chat.completions.create(model="m", messages=QUESTION)),
        ("completions", lambda c: c.completions.create(model="m", prompt="?")),
        ("responses", lambda c: c.responses.create(model="m", input="?")),
        ("embeddings", lambda c: c.embeddings.create(model="m", input="?")),
    ]
    for form, ask in asks:
        with openai_client(error(form)) as client, pytest.raises(of_openai) as caught:
            ask(client)
        assert caught.value.code == "word"
        assert isinstance(caught.value.body, dict)
        assert set(caught.value.body) == {"message", "type", "param", "code"}
        assert caught.value.body["message"] == "what went wrong"
    with anthropic_client(error("messages")) as other, pytest.raises(of_anthropic) as seen:
        other.messages.create(model="m", max_tokens=9, messages=QUESTION)
    assert isinstance(seen.value, anthropic.APIStatusError)
    assert (seen.value.type, seen.value.api_message) == (kind, "what went wrong")
    assert seen.value.error_code == "word"


def broken(form: str) -> httpx2.MockTransport:
    """A stream that breaks off after three events."""
    begun = list(FORMS[form].events(ANSWER, usage=True))[:3]
    begun.append(FORMS[form].stream_error(502, "the upstream broke off", code="upstream_broken"))
    return respond(iter(begun), stream=True)


def test_a_broken_stream_raises_in_every_client() -> None:
    asks: list[tuple[str, Callable[[openai.OpenAI], Any]]] = [
        ("chat", lambda c: c.chat.completions.create(model="m", messages=QUESTION, stream=True)),
        ("completions", lambda c: c.completions.create(model="m", prompt="?", stream=True)),
        ("responses", lambda c: c.responses.create(model="m", input="?", stream=True)),
    ]
    for form, ask in asks:
        with (
            openai_client(broken(form)) as client,
            pytest.raises(openai.APIError, match="broke off") as caught,
        ):
            list(ask(client))
        assert caught.value.code == "upstream_broken"
    with (
        anthropic_client(broken("messages")) as other,
        pytest.raises(anthropic.APIError, match="broke off"),
    ):
        list(other.messages.create(model="m", max_tokens=9, messages=QUESTION, stream=True))


def test_a_broken_response_has_the_documented_fields_too() -> None:
    (line,) = [
        line
        for line in FORMS["responses"].stream_error(502, "broke off").splitlines()
        if line.startswith(b"data: ")
    ]
    data = json.loads(line[6:])
    event = openai.types.responses.ResponseErrorEvent.model_validate(data)
    assert event.message == "broke off"
    assert event.sequence_number > 10**6


@example(TEXT, "chat")
@example(TEXT, "responses")
@example("", "messages")
@settings(deadline=None)
@given(st.text(max_size=900), st.sampled_from(sorted(set(FORMS) - {"embeddings", "count_tokens"})))
def test_every_text_arrives_whole(text: str, name: str) -> None:
    assert "".join(pieces(text)) == text
    form: Form = FORMS[name]
    said = ""
    for event in form.events(Answer("1", "m", text, 1, 1, 0), usage=False):
        # Readers of lines as Python cuts them see each event as lines of its own.
        *fields, blank, rest = event.decode().split("\n")
        assert (blank, rest) == ("", "")
        assert fields == event.decode().splitlines()[: len(fields)]
        data = fields[-1].removeprefix("data: ")
        if data == "[DONE]":
            continue
        value = json.loads(data)
        if "choices" in value:
            choice = value["choices"][0]
            said += choice.get("text", choice.get("delta", {}).get("content")) or ""
        elif value["type"] == "response.output_text.delta":
            said += value["delta"]
        elif value["type"] == "content_block_delta":
            said += value["delta"]["text"]
    assert said == text
