from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from cprs_server.errors import ProxyError
from cprs_server.markers import TOOL, marked, marker
from cprs_server.planning.base import Options
from cprs_server.replay import replayed
from cprs_server.retrieve_forms import offered, offers, withdrawn
from cprs_server.retrieve_tool import Back, RetrieveTool, Whole
from cprs_server.running.base import Job
from cprs_server.running.service import Service
from cprs_server.store import Store, hash_of
from cprs_server.upstream.base import Reply

FACT = "Ann Lee chaired the budget meeting in Oslo. "
TEXT = "The ferry ran late again. " * 200 + FACT
NAME = hash_of(TEXT)
QUESTION = "Who chaired the budget meeting in Oslo?"

ASKS: dict[str, dict[str, Any]] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "Who?"}]},
    "messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Who?"}]},
    "responses": {"model": "m", "input": "Who?"},
}


def calling(form: str, *calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """An answer that calls tools."""
    if form == "chat":
        made = [
            {
                "id": f"c{n}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for n, (name, arguments) in enumerate(calls)
        ]
        message = {"role": "assistant", "content": None, "tool_calls": made}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    if form == "messages":
        content = [
            {"type": "tool_use", "id": f"c{n}", "name": name, "input": arguments}
            for n, (name, arguments) in enumerate(calls)
        ]
        return {"type": "message", "content": content, "stop_reason": "tool_use"}
    output = [
        {
            "type": "function_call",
            "call_id": f"c{n}",
            "name": name,
            "arguments": json.dumps(arguments),
        }
        for n, (name, arguments) in enumerate(calls)
    ]
    return {"object": "response", "output": output}


def saying(form: str, text: str = "Ann.") -> dict[str, Any]:
    if form == "chat":
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "a", "object": "chat.completion", "choices": [choice], "usage": {"n": 1}}
    if form == "messages":
        block = {"type": "text", "text": text}
        usage = {"input_tokens": 3, "output_tokens": 1}
        return {"type": "message", "content": [block], "stop_reason": "end_turn", "usage": usage}
    return {"object": "response", "output": [{"type": "message", "content": text}]}


def exchange(
    form: str,
    *answers: dict[str, Any] | int,
    request: dict[str, Any] | None = None,
    owner: str = "ann",
    budget: int | None = None,
    **more: Any,
) -> tuple[Reply, bytes, list[dict[str, Any]]]:
    """The reply for the client, its body, and the requests that were sent."""
    sent: list[dict[str, Any]] = []
    left = list(answers)

    async def send(body: bytes) -> Reply:
        sent.append(json.loads(body))
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, int):
            return Whole(answer, ((b"content-type", b"application/json"),), (b'{"error": 1}',))
        body = json.dumps(answer).encode()
        headers = ((b"content-type", b"application/json"), (b"content-length", b"1"))
        return Whole(200, headers, (body[:5], body[5:]))

    async def main() -> tuple[Reply, bytes]:
        service = Service(critics={"embedded": "lexical"}, workers=1)
        store = Store()
        store.keep_text(TEXT, owner="ann")
        back = Back(owner, Job((), QUESTION, Options(), "", budget))
        try:
            reply = await RetrieveTool(store, service, **more).exchange(
                form, request or ASKS[form], send, back, usage=True
            )
            return reply, b"".join([part async for part in reply.body()])
        finally:
            await service.close()

    reply, body = asyncio.run(main())
    return reply, body, sent


def results(form: str, request: dict[str, Any]) -> list[str]:
    """What the model was told."""
    if form == "chat":
        return [m["content"] for m in request["messages"] if m["role"] == "tool"]
    if form == "messages":
        return [
            block["content"]
            for message in request["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
            if block["type"] == "tool_result"
        ]
    return [i["output"] for i in request["input"] if i.get("type") == "function_call_output"]


@pytest.mark.parametrize("form", ASKS)
def test_a_call_is_answered_inside(form: str) -> None:
    answer = saying(form)
    reply, body, sent = exchange(form, calling(form, (TOOL, {"hash": NAME})), answer)
    assert reply.status == 200
    assert json.loads(body) == answer
    assert dict(reply.headers)[b"content-length"] == str(len(body)).encode()
    assert len(sent) == 2
    assert TOOL in json.dumps(sent[0]["tools"])
    assert results(form, sent[1]) == [TEXT]


@pytest.mark.parametrize("form", ASKS)
def test_an_answer_without_a_call_comes_as_it_is(form: str) -> None:
    _, body, sent = exchange(form, saying(form))
    assert body == json.dumps(saying(form)).encode()
    assert len(sent) == 1


@pytest.mark.parametrize("form", ASKS)
def test_calls_of_the_client_s_own_tools_are_the_client_s(form: str) -> None:
    both = calling(form, (TOOL, {"hash": NAME}), ("weather", {"in": "Oslo"}))
    _, body, sent = exchange(form, both)
    assert len(sent) == 1
    assert TOOL not in body.decode()
    assert "weather" in body.decode()


@pytest.mark.parametrize(
    ("arguments", "owner"),
    [
        ({"hash": "0" * 24}, "ann"),
        ({"hash": NAME}, "bo"),
        ({"hash": "../../etc/passwd"}, "ann"),
        ({}, "ann"),
        ({"hash": 7}, "ann"),
    ],
)
def test_what_is_not_theirs_is_not_told(arguments: dict[str, Any], owner: str) -> None:
    _, _, sent = exchange("chat", calling("chat", (TOOL, arguments)), saying("chat"), owner=owner)
    (told,) = results("chat", sent[1])
    assert told.startswith("[nothing is kept")


def test_no_more_comes_back_than_there_is_room_for() -> None:
    call = calling("chat", (TOOL, {"hash": NAME}))
    _, _, sent = exchange("chat", call, saying("chat"), budget=20)
    (told,) = results("chat", sent[1])
    assert FACT.strip() in told
    assert len(told) < 100


def test_the_model_may_say_what_it_looks_for() -> None:
    call = calling("chat", (TOOL, {"hash": NAME, "query": "Was the ferry late?"}))
    _, _, sent = exchange("chat", call, saying("chat"), budget=12)
    assert "ferry" in results("chat", sent[1])[0]


def test_rounds_and_calls_are_bounded() -> None:
    call = calling("chat", *[(TOOL, {"hash": NAME})] * 5)
    _, _, sent = exchange("chat", call, rounds=2, most=3)
    assert len(sent) == 3
    assert "tools" in sent[1]
    assert "tools" not in sent[2]
    assert results("chat", sent[1])[3:] == ["[too many calls at once]"] * 2


def test_errors_of_the_upstream_come_as_they_are() -> None:
    reply, body, _ = exchange("chat", 429)
    assert (reply.status, body) == (429, b'{"error": 1}')
    reply, body, _ = exchange("chat", calling("chat", (TOOL, {"hash": NAME})), 500)
    assert reply.status == 500


def test_an_answer_that_breaks_off_is_an_error() -> None:
    class Broken(Whole):
        async def body(self) -> Any:
            yield b'{"choices'
            raise ProxyError(502, "it broke off")

    async def send(body: bytes) -> Reply:
        return Broken(200, (), ())

    tool = RetrieveTool(Store(), None)  # type: ignore[arg-type]
    back = Back("", Job((), "", Options(), ""))
    with pytest.raises(ProxyError, match="broke off"):
        asyncio.run(tool.exchange("chat", ASKS["chat"], send, back))


def events(body: bytes) -> list[Any]:
    lines = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_a_chat_s_client_gets_the_stream_it_asked_for() -> None:
    request = {**ASKS["chat"], "stream": True, "stream_options": {"include_usage": True}}
    call = calling("chat", (TOOL, {"hash": NAME}))
    reply, body, sent = exchange("chat", call, saying("chat"), request=request)
    assert not any(key in each for each in sent for key in ("stream", "stream_options"))
    assert dict(reply.headers)[b"content-type"].startswith(b"text/event-stream")
    assert b"content-length" not in dict(reply.headers)
    said = events(body)
    assert [each["object"] for each in said] == ["chat.completion.chunk"] * 3
    assert said[0]["choices"][0]["delta"]["content"] == "Ann."
    assert said[1]["choices"][0]["finish_reason"] == "stop"
    assert (said[2]["choices"], said[2]["usage"]) == ([], {"n": 1})
    assert body.endswith(b"data: [DONE]\n\n")


def test_streamed_tool_calls_carry_their_index() -> None:
    calls = calling("chat", ("weather", {"in": "Oslo"}), ("time", {}))
    said = events(b"".join(replayed("chat", calls)))
    assert [c["index"] for c in said[0]["choices"][0]["delta"]["tool_calls"]] == [0, 1]


def test_anthropic_s_client_gets_the_stream_it_asked_for() -> None:
    answer = {
        **saying("messages"),
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "text", "text": "Ann."},
            {"type": "tool_use", "id": "t", "name": "weather", "input": {"in": "Oslo"}},
        ],
    }
    body = b"".join(replayed("messages", answer))
    said = events(body)
    assert [each["type"] for each in said] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert body.count(b"event: ") == len(said)
    assert json.loads(said[9]["delta"]["partial_json"]) == {"in": "Oslo"}
    assert said[-2]["delta"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("form", "changes", "wanted"),
    [
        ("chat", {}, True),
        ("chat", {"tool_choice": "auto"}, True),
        ("messages", {"tool_choice": {"type": "auto"}}, True),
        ("chat", {"tool_choice": "none"}, False),
        ("chat", {"tool_choice": "required"}, False),
        ("chat", {"n": 2}, False),
        ("chat", {"tools": [{"type": "function", "function": {"name": TOOL}}]}, False),
        ("messages", {"tools": [{"name": TOOL}]}, False),
        ("chat", {"tools": "x"}, False),
        ("completions", {}, False),
        ("embeddings", {}, False),
    ],
)
def test_when_it_is_offered(form: str, changes: dict[str, Any], wanted: bool) -> None:
    assert offers(form, changes) is wanted


def test_the_client_s_tools_stay() -> None:
    tools = [{"type": "function", "function": {"name": "weather"}}]
    request = offered("chat", {"tools": tools})
    assert request["tools"][:-1] == tools
    assert withdrawn(request) == {"tools": tools}
    tool = RetrieveTool(Store(), None)  # type: ignore[arg-type]
    assert not tool.offers("responses", {"stream": True})
    assert tool.offers("responses", {})


def test_markers() -> None:
    assert marked(TEXT, TEXT) == TEXT
    assert marked('{"a": 1}', TEXT, format="json") == '{"a": 1}'
    assert marked(FACT, TEXT) == f"{FACT.rstrip()}\n{marker(NAME)}\n"
    assert f"hash={NAME}" in marker(NAME)
