"""Bodies and streams in the shapes of the model APIs, for the programmable upstream.

Each `..._events` is a tuple of whole server-sent events.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from programmable import Script, Seen, plain, stream

Json = Mapping[str, Any]
CREATED = 1_760_000_000


def event(data: Any, name: str | None = None) -> bytes:
    """One server-sent event, written without spaces as the APIs do; `data` may be a plain str."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    first = f"event: {name}\n" if name else ""
    return f"{first}data: {text}\n\n".encode()


# Chat completions


def chat(
    content: str | None = "Hello there.",
    *,
    model: str = "gpt-4o-mini",
    tool_calls: Sequence[Json] = (),
    refusal: str | None = None,
    reasoning: str | None = None,
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": refusal}
    if tool_calls:
        message["tool_calls"] = list(tool_calls)
    if reasoning is not None:
        message["reasoning_content"] = reasoning
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": "tool_calls" if tool_calls else "stop",
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
        "system_fingerprint": "fp_1",
        "x_unknown": {"kept": [1, 2.50, 1e3, "\u00e9"]},
    }


def tool_call(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


PARALLEL_CALLS = (
    tool_call("weather", '{"city":"Oslo"}', "call_1"),
    tool_call("weather", '{"city":"Bern"}', "call_2"),
)


def chat_chunk(delta: Json, finish: str | None = None, **other: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        **other,
    }


def chat_events(
    words: Sequence[str] = ("Hello", " there", "."),
    *,
    usage: bool = False,
    tool_calls: Sequence[Json] = (),
    refusal: str | None = None,
    reasoning: Sequence[str] = (),
) -> tuple[bytes, ...]:
    """Role first, then what is said, the finish reason, a usage chunk where asked, "[DONE]"."""
    extra: dict[str, Any] = {"usage": None} if usage else {}
    chunks = [chat_chunk({"role": "assistant", "content": ""}, **extra)]
    chunks += [chat_chunk({"reasoning_content": word}, **extra) for word in reasoning]
    if refusal is not None:
        chunks += [chat_chunk({"refusal": refusal}, **extra)]
    elif tool_calls:
        for index, call in enumerate(tool_calls):
            function = {"name": call["function"]["name"], "arguments": ""}
            opening = {"index": index, **call, "function": function}
            chunks.append(chat_chunk({"tool_calls": [opening]}, **extra))
            arguments = call["function"]["arguments"]
            for part in (arguments[:5], arguments[5:]):
                delta = {"index": index, "function": {"arguments": part}}
                chunks.append(chat_chunk({"tool_calls": [delta]}, **extra))
    else:
        chunks += [chat_chunk({"content": word}, **extra) for word in words]
    chunks.append(chat_chunk({}, "tool_calls" if tool_calls else "stop", **extra))
    if usage:
        counts = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
        chunks.append(chat_chunk({}, usage=counts) | {"choices": []})
    return (*(event(chunk) for chunk in chunks), event("[DONE]"))


# Completions, embeddings, models


def completion(text: str = " there.") -> dict[str, Any]:
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": CREATED,
        "model": "gpt-3.5-turbo-instruct",
        "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }


def completion_events(words: Sequence[str] = (" there", ".")) -> tuple[bytes, ...]:
    whole = completion()
    whole.pop("usage")
    parts = [
        {**whole, "choices": [{**whole["choices"][0], "text": word, "finish_reason": None}]}
        for word in words
    ]
    return (*(event(part) for part in parts), event("[DONE]"))


def embeddings() -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 1.0]}],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }


def models(*names: str) -> dict[str, Any]:
    data = [
        {"id": name, "object": "model", "created": CREATED, "owned_by": "someone"}
        for name in names or ("gpt-4o-mini", "gpt-4o")
    ]
    return {"object": "list", "data": data}


# Responses


def response(text: str = "Hello there.", *, status: str = "completed") -> dict[str, Any]:
    item = {
        "id": "msg_1",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "gpt-4o-mini",
        "output": [item] if status == "completed" else [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 3,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 14,
        }
        if status == "completed"
        else None,
    }


def response_events(words: Sequence[str] = ("Hello", " there", ".")) -> tuple[bytes, ...]:
    """Typed events with their `sequence_number`; no "[DONE]" follows them."""
    text = "".join(words)
    began = response(status="in_progress")
    item = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant"}
    part = {"type": "output_text", "text": "", "annotations": []}
    at: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    ended = response(text)
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": began},
        {"type": "response.in_progress", "response": began},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **at, "part": part},
        *(
            {"type": "response.output_text.delta", **at, "delta": word, "logprobs": []}
            for word in words
        ),
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": {**part, "text": text}},
        {"type": "response.output_item.done", "output_index": 0, "item": ended["output"][0]},
        {"type": "response.completed", "response": ended},
    ]
    return tuple(
        event({**each, "sequence_number": number}, each["type"])
        for number, each in enumerate(events)
    )


# Messages


def message(content: Sequence[Json] = ({"type": "text", "text": "Hello there."},)) -> Json:
    used = any(block["type"] == "tool_use" for block in content)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(content),
        "stop_reason": "tool_use" if used else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 3},
    }


def tool_use(name: str, given: Json, use_id: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_use", "id": use_id, "name": name, "input": given}


def message_events(
    words: Sequence[str] = ("Hello", " there", "."), *, tools: Sequence[Json] = ()
) -> tuple[bytes, ...]:
    """A text block, then one block per tool use, with a ping after the start."""
    began = {**message(()), "stop_reason": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": began},
        {"type": "ping"},
    ]
    blocks: list[tuple[Json, list[Json]]] = []
    if words:
        said = [{"type": "text_delta", "text": word} for word in words]
        blocks.append(({"type": "text", "text": ""}, list(said)))
    for tool in tools:
        given = json.dumps(tool["input"])
        parts = [{"type": "input_json_delta", "partial_json": p} for p in (given[:4], given[4:])]
        blocks.append(({**tool, "input": {}}, list(parts)))
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    reason = "tool_use" if tools else "end_turn"
    delta = {"stop_reason": reason, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3}})
    events.append({"type": "message_stop"})
    return tuple(event(each, each["type"]) for each in events)


# Errors


def openai_error(message: str, kind: str = "server_error", code: str | None = None) -> Json:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic_error(message: str, kind: str = "overloaded_error") -> Json:
    return {"type": "error", "error": {"type": kind, "message": message}}


def answer(seen: Seen) -> Script:
    """Answers every API well, streaming where the request says so; else 400 or 404."""
    try:
        wants = json.loads(seen.body or b"{}")
    except ValueError:
        return plain(openai_error("no JSON", "invalid_request_error"), status=400)
    streams = bool(wants.get("stream"))
    path = seen.path.removeprefix("/v1")
    if path == "/chat/completions":
        usage = bool((wants.get("stream_options") or {}).get("include_usage"))
        return stream(chat_events(usage=usage)) if streams else plain(chat())
    if path == "/completions":
        return stream(completion_events()) if streams else plain(completion())
    if path == "/responses":
        return stream(response_events()) if streams else plain(response())
    if path == "/messages":
        return stream(message_events()) if streams else plain(message())
    if path == "/messages/count_tokens":
        return plain({"input_tokens": 11})
    if path == "/embeddings":
        return plain(embeddings())
    if path == "/models":
        return plain(models())
    return plain(openai_error(f"no {seen.path} here", "invalid_request_error"), status=404)
