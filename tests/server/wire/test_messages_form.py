"""Anthropic's messages: which texts a request holds, and what is beside them."""

from __future__ import annotations

from typing import Any

import pytest
from cprs_server.errors import ProxyError
from cprs_server.wire.base import Conversation
from cprs_server.wire.count_tokens import CountTokens
from cprs_server.wire.messages import Messages

MARK = {"cache_control": {"type": "ephemeral"}}


def read(messages: list[Any], **body: Any) -> Conversation:
    return Messages().read({"model": "m", "max_tokens": 5, "messages": messages, **body})


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def test_system_comes_first_and_turns_follow() -> None:
    found = read(
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": [text("a")]}],
        system=[text("s", **MARK)],
    )
    assert [(t.path, t.text, t.kind, t.turn, t.pinned) for t in found.texts] == [
        (("system", 0, "text"), "s", "system", 0, True),
        (("messages", 0, "content"), "q", "question", 1, False),
        (("messages", 1, "content", 0, "text"), "a", "answer", 2, False),
    ]
    assert found.output_tokens == 5
    assert read([{"role": "user", "content": "q"}]).texts[0].turn == 0


def test_documents_of_all_sources() -> None:
    plain = {"type": "text", "media_type": "text/plain", "data": "plain"}
    chunks = {"type": "content", "content": [text("one"), {"type": "image"}, text("two")]}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    found = read(
        [
            user(
                {"type": "document", "title": "Plain", "context": "ctx", "source": plain},
                {"type": "document", "title": None, "source": chunks},
                {"type": "document", "source": {"type": "content", "content": "whole"}},
                {"type": "document", "source": pdf},
                {"type": "document", "source": {"type": "url", "url": "https://x"}},
                {"type": "document"},
                {"type": "search_result", "title": "Hit", "source": "s", "content": [text("hit")]},
                text("?"),
            )
        ]
    )
    base = ("messages", 0, "content")
    assert [(t.path, t.text, t.kind, t.name) for t in found.texts] == [
        ((*base, 0, "source", "data"), "plain", "document", "Plain"),
        ((*base, 1, "source", "content", 0, "text"), "one", "document", ""),
        ((*base, 1, "source", "content", 2, "text"), "two", "document", ""),
        ((*base, 2, "source", "content"), "whole", "document", ""),
        ((*base, 6, "content", 0, "text"), "hit", "document", "Hit"),
        ((*base, 7, "text"), "?", "question", ""),
    ]
    assert found.other_parts == 4
    assert found.other == "ctx"


def test_a_document_with_citations_keeps_its_characters() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "cited"}
    block = {"type": "document", "source": source, "citations": {"enabled": True}}
    found = read([user(text("before"), block, text("after"))])
    assert [t.pinned for t in found.texts] == [False, True, False]


def test_results_know_their_calls() -> None:
    plain = {"type": "text", "media_type": "text/plain", "data": "D"}
    found = read(
        [
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "tool_use", "id": "a", "name": "search", "input": {"q": "té"}},
                    {"type": "tool_use", "id": "b", "name": "read", "input": {}},
                    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
                    {
                        "type": "web_search_tool_result",
                        "tool_use_id": "s",
                        "content": [{"url": "u"}],
                    },
                    {"type": "redacted_thinking", "data": "xxxx"},
                ],
            },
            user(
                {"type": "tool_result", "tool_use_id": "b", "content": "B"},
                {
                    "type": "tool_result",
                    "tool_use_id": "a",
                    "content": [
                        text("A"),
                        {"type": "image", "source": {}},
                        {"type": "document", "title": "T", "source": plain},
                    ],
                },
                {"type": "tool_result", "tool_use_id": "lost", "content": "C"},
                {"type": "tool_result", "tool_use_id": "a"},
                text("so?"),
            ),
        ]
    )
    base = ("messages", 1, "content")
    assert [(t.path, t.text, t.kind, t.call) for t in found.texts] == [
        ((*base, 0, "content"), "B", "tool_result", "read"),
        ((*base, 1, "content", 0, "text"), "A", "tool_result", 'search: {"q":"té"}'),
        ((*base, 1, "content", 2, "source", "data"), "D", "tool_result", 'search: {"q":"té"}'),
        ((*base, 2, "content"), "C", "tool_result", ""),
        ((*base, 4, "text"), "so?", "question", ""),
    ]
    assert "hm" in found.other
    assert "sig" not in found.other
    assert '[{"url":"u"}]' in found.other
    assert found.other_parts == 2


def test_markers_anywhere_pin_what_lies_before() -> None:
    nested = {"type": "tool_result", "tool_use_id": "x", "content": [text("b", **MARK), text("c")]}
    found = read([user(text("a"), nested), user(text("d"))])
    assert [(t.text, t.pinned) for t in found.texts] == [
        ("a", True),
        ("b", True),
        ("c", False),
        ("d", False),
    ]
    found = read([user(text("a"), {**nested, **MARK}), user(text("d"))])
    assert [t.pinned for t in found.texts] == [True, True, True, False]
    image = {"type": "image", "source": {}, **MARK}
    assert [t.pinned for t in read([user(text("a"), image, text("b"))]).texts] == [True, False]
    tools = [{"name": "t", "input_schema": {}, **MARK}]
    assert [t.pinned for t in read([user(text("a"))], tools=tools).texts] == [False]
    assert [t.pinned for t in read([user(text("a"))], **MARK).texts] == [True]


def test_count_tokens_reads_the_same() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "q"}], "max_tokens": 4}
    found = CountTokens().read(body)
    assert found.form == "count_tokens"
    assert found.texts == Messages().read(body).texts
    assert found.output_tokens is None


@pytest.mark.parametrize("form", [Messages(), CountTokens()])
def test_what_is_no_request_of_this_form(form: Messages) -> None:
    with pytest.raises(ProxyError, match="'messages' is missing"):
        form.read({"model": "m"})


@pytest.mark.parametrize(
    "block", [None, 3, {}, {"type": "text"}, {"type": "tool_result", "content": 3}, {"type": []}]
)
def test_what_it_does_not_know_is_left_out(block: Any) -> None:
    assert read([None, {"role": [], "content": "x"}, user(block)], system=5).texts == ()
