"""Completions and embeddings, and which form is at which path."""

from __future__ import annotations

from typing import Any

import pytest
from cprs_server.errors import ProxyError
from cprs_server.wire.base import Answer
from cprs_server.wire.completions import Completions
from cprs_server.wire.embeddings import Embeddings
from cprs_server.wire.forms import FORMS, PATHS, errors_at, form_at, wants_usage


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("one", [(("prompt",), "one")]),
        (["one"], [(("prompt", 0), "one")]),
        (["one", "two"], []),
        ([1, 2], []),
        ([[1, 2]], []),
        (None, []),
    ],
)
def test_prompts(prompt: Any, texts: list[Any]) -> None:
    found = Completions().read({"model": "m", "prompt": prompt, "max_tokens": 3})
    assert [(t.path, t.text) for t in found.texts] == texts
    assert found.output_tokens == 3
    found = Embeddings().read({"model": "m", "input": prompt or [3]})
    assert [(("prompt", *t.path[1:]), t.text) for t in found.texts] == texts


def test_text_around_a_gap_is_pinned() -> None:
    found = Completions().read({"model": "m", "prompt": "def f(", "suffix": "): pass"})
    assert found.texts[0].pinned
    assert found.other == "): pass"


def test_embeddings_need_an_input_and_have_no_text_for_an_answer() -> None:
    form = Embeddings()
    with pytest.raises(ProxyError, match="'input' is missing"):
        form.read({"model": "m"})
    answer = Answer("1", "extract", "text", 1, 1, 0)
    with pytest.raises(ProxyError, match="'extract' makes no embeddings"):
        form.answer(answer)
    with pytest.raises(ProxyError, match="makes no embeddings"):
        form.events(answer, usage=False)


def test_forms_by_path() -> None:
    assert {path: form.name for path, form in PATHS.items()} == {
        "/v1/chat/completions": "chat",
        "/v1/completions": "completions",
        "/v1/responses": "responses",
        "/v1/messages": "messages",
        "/v1/messages/count_tokens": "count_tokens",
        "/v1/embeddings": "embeddings",
    }
    assert form_at("POST", "/v1/messages") is FORMS["messages"]
    assert form_at("GET", "/v1/responses") is None
    assert form_at("POST", "/v1/responses/resp_1/cancel") is None
    assert errors_at("/v1/messages/batches").name == "messages"
    assert errors_at("/v1/messagesx").name == "chat"
    assert errors_at("/v1/files").name == "chat"
    assert errors_at("/v1/responses").name == "responses"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [({"include_usage": True}, True), ({"include_usage": 1}, False), (None, False), ("x", False)],
)
def test_usage_in_streams_is_asked_for(options: Any, wanted: bool) -> None:
    assert wants_usage({"stream_options": options}) is wanted
