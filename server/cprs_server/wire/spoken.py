"""What an answer says: its text, of whichever form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def spoken(form: str, body: bytes) -> str | None:
    """The text of a whole answer in JSON; None where there is none, such as a call of a tool.

    >>> spoken("completions", b'{"choices": [{"text": "yes"}]}')
    'yes'
    """
    try:
        said = "\n".join(_TEXTS[form](json.loads(body)))
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


_TEXTS = {
    "chat": _chat,
    "completions": _completions,
    "responses": _responses,
    "messages": _messages,
}
