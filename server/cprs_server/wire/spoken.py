"""What an answer says: its text, of whichever form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any


def spoken(form: str, body: bytes) -> str | None:
    """The text of a whole answer, JSON or a stream of events; None where there is none, such as a
    call of a tool.

    >>> spoken("completions", b'{"choices": [{"text": "yes"}]}')
    'yes'
    >>> spoken("completions", b'data: {"choices": [{"text": "ye"}]}\n\ndata: [DONE]\n\n')
    'ye'
    """
    try:
        if body.lstrip().startswith(b"{"):
            said = "\n".join(_TEXTS[form](json.loads(body)))
        else:
            said = "\n".join(_STREAMED[form](_events(body)))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None
    return said or None


def _chat(answer: Any) -> Iterator[str]:
    yield answer["choices"][0]["message"]["content"]


def _completions(answer: Any) -> Iterator[str]:
    yield answer["choices"][0]["text"]


def _responses(answer: Any) -> Iterator[str]:
    for item in answer["output"]:
        if item.get("type") == "message":
            yield from (part["text"] for part in item["content"] if part["type"] == "output_text")


def _messages(answer: Any) -> Iterator[str]:
    yield from (block["text"] for block in answer["content"] if block["type"] == "text")


def _events(body: bytes) -> Iterator[Any]:
    """The data of a stream's events. Every API writes them as one line of JSON each."""
    for line in body.splitlines():
        data = line.removeprefix(b"data:").strip()
        if len(data) < len(line) and data.startswith(b"{"):
            yield json.loads(data)


def _chat_deltas(events: Iterable[Any]) -> Iterator[str]:
    deltas = (choice["delta"] for choice in _first_choices(events))
    yield "".join(delta.get("content") or "" for delta in deltas)


def _completion_deltas(events: Iterable[Any]) -> Iterator[str]:
    yield "".join(choice.get("text") or "" for choice in _first_choices(events))


def _first_choices(events: Iterable[Any]) -> Iterator[Any]:
    for each in events:
        yield from (choice for choice in each.get("choices") or () if not choice.get("index"))


def _last_response(events: Iterable[Any]) -> Iterator[str]:
    for each in events:
        if each.get("type") == "response.completed":
            yield from _responses(each["response"])


def _message_deltas(events: Iterable[Any]) -> Iterator[str]:
    blocks: dict[int, list[str]] = {}
    for each in events:
        if each.get("type") == "content_block_delta" and each["delta"]["type"] == "text_delta":
            blocks.setdefault(each["index"], []).append(each["delta"]["text"])
    yield from ("".join(parts) for parts in blocks.values())


_STREAMED: Mapping[str, Callable[[Iterable[Any]], Iterator[str]]] = {
    "chat": _chat_deltas,
    "completions": _completion_deltas,
    "responses": _last_response,
    "messages": _message_deltas,
}
_TEXTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "chat": _chat,
    "completions": _completions,
    "responses": _responses,
    "messages": _messages,
}
