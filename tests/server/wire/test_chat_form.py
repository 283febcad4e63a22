"""Chat completions: which texts a request holds, and what is beside them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cprs_server.errors import ProxyError
from cprs_server.wire.base import Conversation
from cprs_server.wire.chat import Chat


def read(messages: list[Any], **body: Any) -> Conversation:
    return Chat().read({"model": "m", "messages": messages, **body})


def shown(conversation: Conversation) -> list[tuple[Any, ...]]:
    return [(t.path, t.text, t.kind, t.turn) for t in conversation.texts]


def test_roles_are_kinds() -> None:
    roles = ["system", "developer", "user", "assistant", "user"]
    found = read([{"role": role, "content": role} for role in roles])
    kinds = ["system", "system", "question", "answer", "question"]
    assert shown(found) == [
        (("messages", n, "content"), role, kind, n)
        for n, (role, kind) in enumerate(zip(roles, kinds, strict=True))
    ]
    assert (found.form, found.model, found.stream) == ("chat", "m", False)


def test_parts_keep_their_order_and_others_are_counted() -> None:
    file = base64.b64encode(b"file's text").decode()
    found = read(
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "one"},
                    {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                    {"type": "file", "file": {"filename": "a.txt", "file_data": file}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {"type": "from_the_future", "text": "counted"},
                    {"type": "text", "text": ""},
                    "no part",
                    {"type": "text", "text": "two"},
                ],
            }
        ]
    )
    base = ("messages", 0, "content")
    assert shown(found) == [
        ((*base, 0, "text"), "one", "question", 0),
        ((*base, 3, "file", "file_data"), "file's text", "document", 0),
        ((*base, 8, "text"), "two", "question", 0),
    ]
    assert found.texts[1].name == "a.txt"
    assert found.texts[1].encoded == "base64"
    assert found.other_parts == 3
    assert found.other == "counted"


def test_results_know_their_calls() -> None:
    def call(id: str, name: str, arguments: str) -> dict[str, Any]:
        return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}

    custom = {"id": "c", "type": "custom", "custom": {"name": "grep", "input": "TODO"}}
    calls = [call("a", "search", '{"q":"tea"}'), call("b", "read", "{}"), custom]
    found = read(
        [
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "b", "content": "B"},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "A"}]},
            {"role": "tool", "tool_call_id": "c", "content": "C"},
            {"role": "tool", "tool_call_id": "unknown", "content": "D"},
            {"role": "assistant", "function_call": {"name": "old", "arguments": '{"x":1}'}},
            {"role": "function", "name": "old", "content": "E"},
        ]
    )
    assert [(t.text, t.kind, t.call) for t in found.texts] == [
        ("B", "tool_result", "read: {}"),
        ("A", "tool_result", 'search: {"q":"tea"}'),
        ("C", "tool_result", "grep: TODO"),
        ("D", "tool_result", ""),
        ("E", "tool_result", 'old: {"x":1}'),
    ]
    assert 'search: {"q":"tea"}' in found.other


@pytest.mark.parametrize("marker", ["cache_control", "prompt_cache_breakpoint"])
def test_all_before_a_marker_is_pinned(marker: str) -> None:
    mark = {marker: {"type": "ephemeral"}}
    parts = [{"type": "text", "text": "c", **mark}, {"type": "text", "text": "d"}]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "user", "content": parts},
        {"role": "user", "content": "e"},
    ]
    assert [(t.text, t.pinned) for t in read(messages).texts] == [
        ("a", True),
        ("b", True),
        ("c", True),
        ("d", False),
        ("e", False),
    ]
    messages[3].update(mark)
    assert all(text.pinned for text in read(messages).texts)
    assert not any(t.pinned for t in read([{"role": "user", "content": "x", marker: None}]).texts)


def test_what_else_takes_room() -> None:
    tools = [{"type": "function", "function": {"name": "näme", "parameters": {"type": "object"}}}]
    found = read(
        [
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            {"role": "assistant", "content": "yes", "reasoning_content": "because"},
            {"role": "somebody", "content": "said"},
        ],
        tools=tools,
        response_format={"type": "json_schema", "json_schema": {"name": "s"}},
    )
    assert [t.text for t in found.texts] == ["no", "yes"]
    for part in ('"name":"näme"', "json_schema", "because", "said"):
        assert part in found.other


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 8, "max_tokens": 7}, 8),
        ({"max_tokens": None}, None),
        ({"max_tokens": "7"}, None),
        ({"max_tokens": True}, None),
        ({"max_tokens": -1}, None),
    ],
)
def test_tokens_of_the_answer(body: dict[str, Any], tokens: int | None) -> None:
    assert read([], **body).output_tokens == tokens


def test_halves_of_pairs_are_replaced_one_by_one() -> None:
    (text,) = read([{"role": "user", "content": "a\ud83dé\udc00"}]).texts
    assert text.text == "a\ufffdé\ufffd"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": "m"}, "'messages' is missing"),
        ({"model": "m", "messages": "hi"}, "'messages' must be an array"),
        ({"model": 3, "messages": []}, "'model' must be a string"),
    ],
)
def test_what_is_no_request_of_this_form(body: dict[str, Any], said: str) -> None:
    with pytest.raises(ProxyError) as caught:
        Chat().read(body)
    assert (caught.value.status, caught.value.message) == (400, said)


@pytest.mark.parametrize("message", [None, 3, "x", {}, {"role": []}, {"role": "tool"}])
def test_what_it_does_not_know_is_left_out(message: Any) -> None:
    assert read([message, {"role": "user", "content": 5}]).texts == ()
    wild = {"role": "assistant", "tool_calls": [None, {}, {"function": 3}], "function_call": "x"}
    assert read([wild], stream="yes").stream is False
