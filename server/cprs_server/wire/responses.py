"""Responses: `POST /v1/responses`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cprs_server.wire.base import Answer, Conversation
from cprs_server.wire.openai import OpenAIErrors, error_object, prefixed, with_cprs
from cprs_server.wire.read import Gathered, mappings
from cprs_server.wire.responses_read import read_item
from cprs_server.wire.sse import dump, event, pieces

_ENDS = re.compile(
    rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed|cancelled)|error)"'
    rb"|^data:\s*\[DONE\]",
    re.MULTILINE,
)
_LAST = 2**31 - 1
_KEPT = ("previous_response_id", "conversation", "prompt")


class Responses(OpenAIErrors):
    """The form of responses."""

    name = "responses"

    def read(self, body: Mapping[str, Any]) -> Conversation:
        """As `Form.read`. `instructions`, where there are any, are turn 0."""
        gathered = Gathered()
        gathered.note(body.get("tools"))
        text = body.get("text")
        gathered.note(text.get("format") if isinstance(text, dict) else None)
        prompt = body.get("prompt")
        gathered.note(prompt.get("variables") if isinstance(prompt, dict) else None)
        first = 0
        if body.get("instructions"):
            gathered.text(("instructions",), body["instructions"], "system")
            first = 1
        continues = any(body.get(key) for key in _KEPT)
        gathered.turn = first
        gathered.text(("input",), body.get("input"), "question")
        for number, item in mappings(body.get("input")):
            gathered.turn = first + number
            continues |= read_item(gathered, ("input", number), item)
        limit = body.get("max_output_tokens")
        return gathered.conversation(self.name, body, output_tokens=limit, continues=continues)

    def stream_error(self, status: int, message: str, *, code: str | None = None) -> bytes:
        """As `Form.stream_error`.

        The reference documents flat fields, the API sends them inside `error`, and clients go by
        one or the other: both are here. Its number is beyond all that came before.
        """
        error = error_object(status, message, code)
        flat = {"code": error["code"], "message": message, "param": None}
        data = {"type": "error", "sequence_number": _LAST, **flat, "error": error}
        return event(data, "error")

    def ends(self, events: bytes) -> bool:
        """As `Form.ends`."""
        return _ENDS.search(events) is not None

    def answer(self, answer: Answer) -> bytes:
        """As `Form.answer`."""
        return dump(_response(answer, "completed"))

    def events(self, answer: Answer, *, usage: bool) -> Iterator[bytes]:
        """As `Form.events`. Usage is part of every such stream. There is no `[DONE]`."""
        item = _item(answer, "completed")
        at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        empty = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        begun = _response(answer, "in_progress")
        started = {**item, "status": "in_progress", "content": []}
        done = {**empty, "text": answer.text}
        numbers = iter(range(_LAST))

        def make(kind: str, **data: Any) -> bytes:
            return event({"type": kind, "sequence_number": next(numbers), **data}, kind)

        yield make("response.created", response=begun)
        yield make("response.in_progress", response=begun)
        yield make("response.output_item.added", output_index=0, item=started)
        yield make("response.content_part.added", **at, part=empty)
        for piece in pieces(answer.text):
            yield make("response.output_text.delta", **at, delta=piece, logprobs=[])
        yield make("response.output_text.done", **at, text=answer.text, logprobs=[])
        yield make("response.content_part.done", **at, part=done)
        yield make("response.output_item.done", output_index=0, item=item)
        yield make("response.completed", response=_response(answer, "completed"))


def _item(answer: Answer, status: str) -> dict[str, Any]:
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": answer.text}
    return {
        "id": prefixed("msg_", answer.id.removeprefix("resp_")),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [part],
    }


def _response(answer: Answer, status: str) -> dict[str, Any]:
    """All that a client may ask of a response, most of it nothing."""
    completed = status == "completed"
    usage = {
        "input_tokens": answer.tokens_in,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": answer.tokens_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.tokens_in + answer.tokens_out,
    }
    return {
        "id": prefixed("resp_", answer.id),
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": answer.model,
        "output": [_item(answer, status)] if completed else [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": with_cprs(usage, answer.cprs) if completed else None,
        "user": None,
    }
