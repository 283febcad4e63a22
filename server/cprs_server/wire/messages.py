"""Anthropic's messages: `POST /v1/messages`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cprs_server.wire.base import Answer, Conversation, Kind, Path
from cprs_server.wire.openai import prefixed, with_cprs
from cprs_server.wire.read import Gathered, kind_of, mappings, required_list
from cprs_server.wire.sse import dump, event, pieces

_KINDS: dict[str, Kind] = {"user": "question", "assistant": "answer", "system": "system"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_ENDS = re.compile(rb'"type"\s*:\s*"(?:message_stop|error)"|"stop_reason"\s*:\s*"')


class Messages:
    """The form of messages."""

    name = "messages"

    def read(self, body: Mapping[str, Any]) -> Conversation:
        """As `Form.read`. A cache marker may sit on a block, on one inside it, or on the request,
        where it means its last block.

        What the API's own tools found is counted, never changed: it must come back as it was sent.
        """
        gathered = Gathered()
        gathered.note(body.get("tools"))
        output = body.get("output_config")
        gathered.note(output.get("format") if isinstance(output, dict) else None)
        first = 0
        if body.get("system"):
            _content(gathered, ("system",), body["system"], "system")
            first = 1
        for number, message in enumerate(required_list(body, "messages")):
            gathered.turn = first + number
            if not isinstance(message, dict):
                continue
            kind = kind_of(_KINDS, message.get("role"))
            if kind is None:
                gathered.note(message.get("content"))
            else:
                path = ("messages", number, "content")
                _content(gathered, path, message.get("content"), kind)
        gathered.mark(body)
        return gathered.conversation(self.name, body, output_tokens=body.get("max_tokens"))

    def error(self, status: int, message: str, *, code: str | None = None) -> bytes:
        """As `Form.error`; `code` where this API has its stable codes, in `details`."""
        return dump(_error(status, message, code))

    def stream_error(self, status: int, message: str, *, code: str | None = None) -> bytes:
        """As `Form.stream_error`."""
        return event(_error(status, message, code), "error")

    def ends(self, events: bytes) -> bool:
        """As `Form.ends`: a reason to stop is enough."""
        return _ENDS.search(events) is not None

    def answer(self, answer: Answer) -> bytes:
        """As `Form.answer`."""
        content = [{"type": "text", "text": answer.text, "citations": None}]
        return dump({**_message(answer), "content": content, "stop_reason": "end_turn"})

    def events(self, answer: Answer, *, usage: bool) -> Iterator[bytes]:
        """As `Form.events`. Usage is part of every such stream."""
        message = _message(answer)
        message["usage"] = {**message["usage"], "output_tokens": 1}
        block = {"type": "text", "text": "", "citations": None}
        end = {"stop_reason": "end_turn", "stop_sequence": None}
        yield _event("message_start", message=message)
        yield _event("content_block_start", index=0, content_block=block)
        for piece in pieces(answer.text):
            yield _event(
                "content_block_delta", index=0, delta={"type": "text_delta", "text": piece}
            )
        yield _event("content_block_stop", index=0)
        yield _event("message_delta", delta=end, usage={"output_tokens": answer.tokens_out})
        yield _event("message_stop")


def _event(kind: str, **data: Any) -> bytes:
    return event({"type": kind, **data}, kind)


def _error(status: int, message: str, code: str | None) -> dict[str, Any]:
    kind = _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    error: dict[str, Any] = {"type": kind, "message": message}
    if code is not None:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error, "request_id": None}


def _message(answer: Answer) -> dict[str, Any]:
    usage = {
        "input_tokens": answer.tokens_in,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": answer.tokens_out,
    }
    return {
        "id": prefixed("msg_", answer.id),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": with_cprs(usage, answer.cprs),
    }


def _content(
    gathered: Gathered, path: Path, content: Any, kind: Kind, call: str = "", name: str = ""
) -> None:
    """A string, or an array of blocks."""
    gathered.text(path, content, kind, call=call, name=name)
    for number, block in mappings(content):
        _block(gathered, (*path, number), block, kind, call, name)
        gathered.mark(block)


def _block(
    gathered: Gathered, path: Path, block: Mapping[str, Any], kind: Kind, call: str, name: str
) -> None:
    match block.get("type"):
        case "text":
            gathered.text((*path, "text"), block.get("text"), kind, call=call, name=name)
        case "document":
            _document(gathered, path, block, "document" if kind == "question" else kind, call)
        case "search_result":
            what: Kind = "document" if kind == "question" else kind
            title = _str(block.get("title"))
            _content(gathered, (*path, "content"), block.get("content"), what, call, title)
        case "tool_result":
            call = gathered.call_of(block.get("tool_use_id"))
            _content(gathered, (*path, "content"), block.get("content"), "tool_result", call)
        case "tool_use":
            gathered.call(block.get("id"), block.get("name"), block.get("input"))
        case "thinking":
            gathered.note(block.get("thinking"))
        case "image" | "redacted_thinking" | "container_upload":
            gathered.other_parts += 1
        case _ if any(key in block for key in ("content", "input")):  # the API's own tools
            gathered.note(block.get("content") or block.get("input"))
        case _:
            gathered.part(block)


def _document(
    gathered: Gathered, path: Path, block: Mapping[str, Any], kind: Kind, call: str
) -> None:
    source = block.get("source")
    if not isinstance(source, dict):
        gathered.other_parts += 1
        return
    title = _str(block.get("title"))
    gathered.note(block.get("context"))
    if source.get("type") == "text":
        # Citations count characters of the text that the client has.
        cited = block.get("citations")
        pinned = isinstance(cited, dict) and cited.get("enabled") is True
        path = (*path, "source", "data")
        gathered.text(path, source.get("data"), kind, call=call, name=title, pinned=pinned)
    elif source.get("type") == "content":
        _content(gathered, (*path, "source", "content"), source.get("content"), kind, call, title)
    else:
        gathered.other_parts += 1


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""
