"""The text of answers, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from cprs_server.wire.spoken import spoken
from shapes import (
    PARALLEL_CALLS,
    chat,
    chat_events,
    completion,
    completion_events,
    message,
    message_events,
    response,
    response_events,
    tool_use,
)

SAID = "Hello there."


@pytest.mark.parametrize(
    ("form", "answer", "events", "said"),
    [
        ("chat", chat(), chat_events(usage=True, reasoning=["Hm", "m"]), SAID),
        ("completions", completion(), completion_events(), " there."),
        ("responses", response(), response_events(), SAID),
        ("messages", message(), message_events(tools=[tool_use("f", {"a": 1})]), SAID),
        (
            "chat",
            chat(None, tool_calls=PARALLEL_CALLS),
            chat_events(tool_calls=PARALLEL_CALLS),
            None,
        ),
        ("messages", message(()), message_events((), tools=[tool_use("f", {})]), None),
        ("embeddings", {"data": []}, (b"data: {}\n\n",), None),
    ],
)
def test_what_is_said(form: str, answer: Any, events: Sequence[bytes], said: str | None) -> None:
    assert spoken(form, json.dumps(answer).encode()) == said
    stream = b"".join(events)
    assert spoken(form, stream) == said
    assert spoken(form, stream.replace(b"\n", b"\r\n")) == said


@pytest.mark.parametrize("body", [b"", b"{", b"data: {\n\n", b'data: {"choices": 7}\n\n', b"\xff"])
def test_what_cannot_be_read(body: bytes) -> None:
    assert spoken("chat", body) is None


def test_the_first_of_several_choices_counts() -> None:
    chunks = [
        {"choices": [{"index": n, "delta": {"content": word}}]}
        for n, word in ((0, "a"), (1, "b"), (0, "c"))
    ]
    stream = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    assert spoken("chat", stream) == "ac"
