"""Chat completions: `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cprs_server.wire.base import Answer, Conversation, Kind, Path
from cprs_server.wire.openai import DONE, OpenAIErrors, prefixed, usage_of
from cprs_server.wire.read import Gathered, kind_of, mappings, required_list
from cprs_server.wire.sse import dump, event, pieces

_KINDS: dict[str, Kind] = {
    "system": "system",
    "developer": "system",
    "user": "question",
    "assistant": "answer",
    "tool": "tool_result",
    "function": "tool_result",
}


class Chat(OpenAIErrors):
    """The form of chat completions."""

    name = "chat"

    def read(self, body: Mapping[str, Any]) -> Conversation:
        """As `Form.read`. A cache marker may sit on a part, a message or a tool."""
        gathered = Gathered()
        for key in ("tools", "functions", "response_format", "documents"):
            gathered.note(body.get(key))
        for number, message in enumerate(required_list(body, "messages")):
            gathered.turn = number
            if isinstance(message, dict):
                _message(gathered, ("messages", number), message)
        limit = body.get("max_completion_tokens")
        if limit is None:
            limit = body.get("max_tokens")
        return gathered.conversation(self.name, body, output_tokens=limit)

    def answer(self, answer: Answer) -> bytes:
        """As `Form.answer`."""
        message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
        message["annotations"] = []
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        body = _head(answer, "chat.completion")
        return dump({**body, "choices": [choice], "usage": usage_of(answer)})

    def events(self, answer: Answer, *, usage: bool) -> Iterator[bytes]:
        """As `Form.events`. With `usage`, it comes in a chunk of its own without choices, and is
        null in all chunks before."""
        head = _head(answer, "chat.completion.chunk")
        tail = {"usage": None} if usage else {}

        def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return event({**head, "choices": [choice], **tail})

        yield chunk({"role": "assistant", "content": "", "refusal": None})
        for piece in pieces(answer.text):
            yield chunk({"content": piece})
        yield chunk({}, "stop")
        if usage:
            yield event({**head, "choices": [], "usage": usage_of(answer)})
        yield DONE


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": prefixed("chatcmpl-", answer.id),
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": None,
    }


def _message(gathered: Gathered, path: Path, message: Mapping[str, Any]) -> None:
    kind = kind_of(_KINDS, message.get("role"))
    if kind is None:
        gathered.note(message.get("content"))
        return
    call = ""
    if message.get("role") == "tool":
        call = gathered.call_of(message.get("tool_call_id"))
    elif message.get("role") == "function":  # the form before tools: calls have no id but a name
        call = gathered.call_of(message.get("name"))
    content = message.get("content")
    gathered.text((*path, "content"), content, kind, call=call)
    for number, part in mappings(content):
        _part(gathered, (*path, "content", number), part, kind, call)
        gathered.mark(part)
    if kind == "answer":
        _said(gathered, message)
    gathered.mark(message)


def _part(gathered: Gathered, path: Path, part: Mapping[str, Any], kind: Kind, call: str) -> None:
    match part.get("type"):
        case "text":
            gathered.text((*path, "text"), part.get("text"), kind, call=call)
        case "refusal":
            gathered.text((*path, "refusal"), part.get("refusal"), kind)
        case "file" if isinstance(part.get("file"), dict):
            file = part["file"]
            name = file.get("filename")
            gathered.file(
                (*path, "file", "file_data"),
                file.get("file_data"),
                "document" if kind == "question" else kind,
                call=call,
                name=name if isinstance(name, str) else "",
            )
        case _:
            gathered.part(part)


def _said(gathered: Gathered, message: Mapping[str, Any]) -> None:
    """What an assistant's message holds beside its content."""
    for key in ("refusal", "reasoning_content"):
        gathered.note(message.get(key))
    if message.get("audio"):
        gathered.other_parts += 1
    for _, call in mappings(message.get("tool_calls")):
        what = call.get("function") or call.get("custom")
        if isinstance(what, dict):
            arguments = what.get("arguments", what.get("input"))
            gathered.call(call.get("id"), what.get("name"), arguments)
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        gathered.call(legacy.get("name"), legacy.get("name"), legacy.get("arguments"))
