"""Responses: which texts a request holds, and what is beside them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cprs_server.wire.base import Conversation
from cprs_server.wire.responses import Responses


def read(input: Any = None, **body: Any) -> Conversation:
    return Responses().read({"model": "m", "input": input, **body})


def test_input_as_a_string_comes_after_the_instructions() -> None:
    found = read("hi", instructions="be kind", stream=True, max_output_tokens=9)
    assert [(t.path, t.text, t.kind, t.turn) for t in found.texts] == [
        (("instructions",), "be kind", "system", 0),
        (("input",), "hi", "question", 1),
    ]
    assert (found.stream, found.output_tokens, found.continues) == (True, 9, False)


def test_items_and_their_parts() -> None:
    data = "data:text/plain;base64," + base64.b64encode(b"report").decode()
    found = read(
        [
            {"role": "developer", "content": "rules"},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "look"},
                    {"type": "input_image", "image_url": "https://x/y"},
                    {"type": "input_file", "filename": "r.txt", "file_data": data},
                    {"type": "input_file", "file_id": "file-1"},
                ],
            },
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
            {
                "type": "message",
                "role": "assistant",
                "id": "msg",
                "content": [{"type": "output_text", "text": "well"}],
            },
            {"type": "compaction", "encrypted_content": "AAAA"},
            {"type": "mcp_call", "id": "mcp", "name": "find", "output": "server's"},
        ]
    )
    assert [(t.path, t.text, t.kind, t.turn) for t in found.texts] == [
        (("input", 0, "content"), "rules", "system", 0),
        (("input", 1, "content", 0, "text"), "look", "question", 1),
        (("input", 1, "content", 2, "file_data"), "report", "document", 1),
        (("input", 3, "content", 0, "text"), "well", "answer", 3),
    ]
    assert found.texts[2].name == "r.txt"
    assert found.texts[2].encoded == "base64"
    assert found.other_parts == 3
    assert "hm" in found.other
    assert "server's" in found.other
    assert "AAAA" not in found.other


def test_results_know_their_calls() -> None:
    found = read(
        [
            {"type": "function_call", "call_id": "a", "name": "search", "arguments": '{"q":1}'},
            {"type": "custom_tool_call", "call_id": "b", "name": "grep", "input": "TODO"},
            {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls", "-l"]}},
            {"type": "local_shell_call", "call_id": "d", "action": {"command": ["cat", "x"]}},
            {"type": "function_call_output", "call_id": "a", "output": "A"},
            {
                "type": "custom_tool_call_output",
                "call_id": "b",
                "output": [{"type": "input_text", "text": "B"}],
            },
            {
                "type": "shell_call_output",
                "call_id": "c",
                "output": [{"stdout": "out", "stderr": "err", "outcome": {"type": "exit"}}],
            },
            {"type": "local_shell_call_output", "id": "d", "output": "D"},
            {"type": "function_call_output", "call_id": "before", "name": "early", "output": "E"},
            {"type": "function_call_output", "call_id": None, "output": "F"},
        ]
    )
    assert [(t.path[2:], t.text, t.call) for t in found.texts] == [
        (("output",), "A", 'search: {"q":1}'),
        (("output", 0, "text"), "B", "grep: TODO"),
        (("output", 0, "stdout"), "out", "shell: ls -l"),
        (("output", 0, "stderr"), "err", "shell: ls -l"),
        (("output",), "D", "shell: cat x"),
        (("output",), "E", "early"),
        (("output",), "F", ""),
    ]
    assert {t.kind for t in found.texts} == {"tool_result"}


def test_markers_pin_what_lies_before() -> None:
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    parts = [{"type": "input_text", "text": "b", **mark}, {"type": "input_text", "text": "c"}]
    found = read([{"role": "user", "content": parts}], instructions="a")
    assert [(t.text, t.pinned) for t in found.texts] == [("a", True), ("b", True), ("c", False)]


@pytest.mark.parametrize(
    "body",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": {"id": "conv_1"}},
        {"prompt": {"id": "pmpt_1", "variables": {"city": "Rome"}}},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": [{"id": "msg_1"}]},
    ],
)
def test_what_the_upstream_keeps_is_said(body: dict[str, Any]) -> None:
    found = Responses().read({"model": "m", "input": "and now?", **body})
    assert found.continues
    assert read("and now?").continues is False


def test_tools_and_schemas_are_counted() -> None:
    format = {"type": "json_schema", "name": "shape"}
    found = read("x", tools=[{"type": "function", "name": "find"}], text={"format": format})
    assert '"find"' in found.other
    assert '"shape"' in found.other


@pytest.mark.parametrize("item", [None, 3, {}, {"type": "message"}, {"role": []}, {"type": [4]}])
def test_what_it_does_not_know_is_left_out(item: Any) -> None:
    assert read([item]).texts == ()
    assert read({"not": "a list"}, text=3, prompt="x").texts == ()
