"""Requests that the vendors' clients send: read, changed where their texts are, and read again."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from cprs_server.errors import ProxyError
from cprs_server.wire.base import Text
from cprs_server.wire.body import parse
from cprs_server.wire.chat import Chat
from cprs_server.wire.forms import FORMS, PATHS
from cprs_server.wire.splice import Edit, splice
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_json import Members, Number, write

FILE = "data:text/plain;base64," + base64.b64encode("a lóng file".encode()).decode()
CALL: Any = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "find", "arguments": '{"q":"tea"}'},
}
CHAT: Any = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "A long text.\nWith lines. 漢字 😀"},
            {"type": "image_url", "image_url": {"url": "https://x.test/i.png"}},
            {"type": "file", "file": {"filename": "f.txt", "file_data": FILE}},
        ],
    },
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "a result"},
]
RESPONSES: Any = [
    {"role": "user", "content": [{"type": "input_text", "text": "A long text."}]},
    {
        "role": "user",
        "content": [{"type": "input_file", "filename": "f.txt", "file_data": FILE}],
    },
    {"type": "function_call", "call_id": "c", "name": "find", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "a result"},
]
MESSAGES: Any = [
    {
        "role": "user",
        "content": [
            {
                "type": "document",
                "title": "Doc",
                "source": {"type": "text", "media_type": "text/plain", "data": "A dócument"},
            },
            {"type": "text", "text": "What of it?", "cache_control": {"type": "ephemeral"}},
        ],
    },
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "ls", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "a\nb"}]},
]

ASKS: list[tuple[str, Callable[[openai.OpenAI, anthropic.Anthropic], Any], list[str]]] = [
    (
        "chat",
        lambda o, a: o.chat.completions.create(model="m", messages=CHAT),
        ["system", "question", "document", "tool_result"],
    ),
    (
        "completions",
        lambda o, a: o.completions.create(model="m", prompt="A long prompt"),
        ["question"],
    ),
    (
        "responses",
        lambda o, a: o.responses.create(model="m", input=RESPONSES, instructions="Be brief."),
        ["system", "question", "document", "tool_result"],
    ),
    (
        "embeddings",
        lambda o, a: o.embeddings.create(model="m", input="A long text"),
        ["document"],
    ),
    (
        "messages",
        lambda o, a: a.messages.create(model="m", max_tokens=9, system="Be.", messages=MESSAGES),
        ["system", "document", "question", "tool_result"],
    ),
    (
        "count_tokens",
        lambda o, a: a.messages.count_tokens(model="m", messages=MESSAGES),
        ["document", "question", "tool_result"],
    ),
]


def sent(ask: Callable[[openai.OpenAI, anthropic.Anthropic], Any]) -> httpx2.Request:
    """The request that a client makes of it."""
    requests: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(400, json={})

    def http() -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(handle))

    url = "http://proxy.test"
    with (
        openai.OpenAI(api_key="k", base_url=url + "/v1", http_client=http()) as one,
        anthropic.Anthropic(api_key="k", base_url=url, http_client=http()) as other,
        pytest.raises((openai.BadRequestError, anthropic.BadRequestError)),
    ):
        ask(one, other)
    return requests[0]


@pytest.mark.parametrize(("name", "ask", "kinds"), ASKS, ids=[name for name, _, _ in ASKS])
def test_what_clients_send_is_read_and_changed(
    name: str, ask: Callable[[openai.OpenAI, anthropic.Anthropic], Any], kinds: list[str]
) -> None:
    request = sent(ask)
    form = PATHS[request.url.path]
    assert form.name == name
    conversation = form.read(parse(request.content))
    assert [text.kind for text in conversation.texts] == kinds
    edits = [Edit.of(text, 2, len(text.text), "…new") for text in conversation.texts]
    again = form.read(parse(splice(request.content, edits, model="other")))
    expected = tuple(replace(t, text=t.text[:2] + "…new") for t in conversation.texts)
    assert again == replace(conversation, texts=expected, model="other")


def raw(value: Any) -> Any:
    """`value` as `raw_json` writes it."""
    match value:
        case dict():
            return Members(tuple((key, raw(item)) for key, item in value.items()))
        case list():
            return [raw(item) for item in value]
        case int() if not isinstance(value, bool):
            return Number(str(value))
        case _:
            return value


BODIES: dict[str, Any] = {
    "chat": {"model": "m", "messages": CHAT, "temperature": 1},
    "completions": {"prompt": ["One prompt \\ é"], "model": "m"},
    "responses": {"input": RESPONSES, "instructions": "Be", "model": "m", "cprs": {"budget": 5}},
    "embeddings": {"model": "m", "input": "text"},
    "messages": {"model": "m", "max_tokens": 5, "system": "Be.", "messages": MESSAGES},
    "count_tokens": {"model": "m", "messages": MESSAGES},
}


def edit_of(text: Text, data: st.DataObject) -> Edit:
    start = data.draw(st.integers(0, len(text.text)))
    end = data.draw(st.integers(start, len(text.text)))
    return Edit.of(text, start, end, data.draw(st.text(min_size=1, max_size=5)))


@settings(deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.integers(0, 9999), st.data())
def test_in_any_writing_the_same_texts_are_read_and_changed(
    name: str, seed: int, data: st.DataObject
) -> None:
    form = FORMS[name]
    body = write(raw(BODIES[name]), seed).text.encode()
    conversation = form.read(parse(body))
    assert conversation == form.read(BODIES[name])
    edits = [edit_of(text, data) for text in conversation.texts]
    changed = splice(body, edits)
    expected = tuple(
        replace(text, text=text.text[: edit.start] + edit.text + text.text[edit.end :])
        for text, edit in zip(conversation.texts, edits, strict=True)
    )
    assert form.read(parse(changed)).texts == expected
    assert "cprs" not in json.loads(changed)


def test_json_deeper_than_the_stack_left_is_said() -> None:
    def deep(levels: int, work: Callable[[], Any]) -> Any:
        return deep(levels - 1, work) if levels else work()

    body = b'{"messages":[],"model":"m","tools":' + b"[" * 700 + b"1" + b"]" * 700 + b"}"
    value = parse(body)
    for work in (lambda: splice(body, model="n"), lambda: Chat().read(value)):
        # How deep is too deep depends on Python's version; none may fall over.
        said = ""
        try:
            assert deep(500, work)
        except ProxyError as error:
            said = error.message
        assert not said or "too deeply" in said
