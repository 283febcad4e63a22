"""A whole answer as the stream of events that a client asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cprs_server.wire.openai import DONE
from cprs_server.wire.sse import dump, event

Json = dict[str, Any]


def replayed(form: str, answer: Mapping[str, Any], *, usage: bool = False) -> Iterator[bytes]:
    """The events of an answer of "chat" or "messages", every part whole. `usage`: in a chunk of
    its own, where a chat's client asks for it."""
    return _chat(answer, usage=usage) if form == "chat" else _messages(answer)


def _chat(answer: Mapping[str, Any], *, usage: bool) -> Iterator[bytes]:
    head = {key: value for key, value in answer.items() if key not in ("choices", "usage")}
    head["object"] = "chat.completion.chunk"
    tail = {"usage": None} if usage else {}
    for choice in answer.get("choices") or ():
        delta = dict(choice.get("message") or {})
        if delta.get("tool_calls"):
            delta["tool_calls"] = [
                {"index": index, **call} for index, call in enumerate(delta["tool_calls"])
            ]
        base = {"index": choice.get("index", 0), "logprobs": choice.get("logprobs")}
        yield event({**head, "choices": [{**base, "delta": delta, "finish_reason": None}], **tail})
        ended = {"index": base["index"], "delta": {}, "logprobs": None}
        finish = choice.get("finish_reason")
        yield event({**head, "choices": [{**ended, "finish_reason": finish}], **tail})
    if usage:
        yield event({**head, "choices": [], "usage": answer.get("usage")})
    yield DONE


_DELTAS = {"text": ("text_delta", "text", ""), "thinking": ("thinking_delta", "thinking", "")}


def _messages(answer: Mapping[str, Any]) -> Iterator[bytes]:
    counted = answer.get("usage") or {}
    begun = {
        **answer,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**counted, "output_tokens": 0},
    }
    yield _named({"type": "message_start", "message": begun})
    for index, block in enumerate(answer.get("content") or ()):
        start, deltas = _block(block)
        yield _named({"type": "content_block_start", "index": index, "content_block": start})
        for delta in deltas:
            yield _named({"type": "content_block_delta", "index": index, "delta": delta})
        yield _named({"type": "content_block_stop", "index": index})
    ended = {key: answer.get(key) for key in ("stop_reason", "stop_sequence")}
    yield _named({"type": "message_delta", "delta": ended, "usage": counted})
    yield _named({"type": "message_stop"})


def _block(block: Json) -> tuple[Json, list[Json]]:
    """A block as it begins, and what is added to it."""
    kind = block.get("type")
    if kind in _DELTAS:
        name, key, empty = _DELTAS[kind]
        start: Json = {**block, key: empty}
        deltas: list[Json] = [{"type": name, key: block.get(key) or ""}]
        if kind == "thinking" and block.get("signature"):
            start["signature"] = ""
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return start, deltas
    if kind in ("tool_use", "server_tool_use"):
        arguments = dump(block.get("input") or {}).decode()
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": arguments}]
    return block, []


def _named(value: Json) -> bytes:
    return event(value, value["type"])
