"""Thinking in Anthropic's messages: blocks of type `thinking`, before the text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cprs_server.reasoner.events import EventEdit, Named
from cprs_server.reasoner.thinking import Thinking, bare, split
from cprs_server.wire.sse import dump


def whole(body: bytes, *, answer: bool = False) -> bytes:
    """A message whose thinking is a block of its own. Where the upstream has made one already, that
    stays. `answer`: only the answer of each text."""
    try:
        value = json.loads(body)
        content = value["content"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return body
    if not isinstance(content, list):
        return body
    blocks: list[Any] = []
    seen = any(_kind(block) in ("thinking", "redacted_thinking") for block in content)
    for block in content:
        if _kind(block) != "text" or not isinstance(block.get("text"), str):
            blocks.append(block)
            continue
        text = block["text"]
        if not seen:
            seen = True
            thinking, text = split(text, ended=value.get("stop_reason") == "end_turn")
            if thinking:
                blocks.append({**_THINKING, "thinking": thinking})
            if not text:
                continue
        blocks.append({**block, "text": bare(text) if answer else text})
    return dump({**value, "content": blocks})


class MessageStream(EventEdit):
    """The same for a stream: the first block of text becomes one of thinking and one of text, and
    those after it count one more. With `answer`, a text comes in one piece at its end."""

    def __init__(self, *, answer: bool = False) -> None:
        super().__init__()
        self._answer = answer
        self._shift = 0
        self._apart = False  # the upstream makes blocks of thinking itself
        self._index: int | None = None  # of the upstream's block that is being told apart
        self._block: Mapping[str, Any] = {}
        self._thinking = Thinking()
        self._texts: dict[int, str] = {}  # with `answer`: what waits, by index

    def change(self, name: str | None, value: Mapping[str, Any]) -> Iterable[Named] | None:
        """As `EventEdit.change`."""
        index = value.get("index")
        match value.get("type"):
            case "content_block_start" if isinstance(index, int):
                events = self._start(index, value)
            case "content_block_delta" if isinstance(index, int):
                events = self._delta(index, value)
            case "content_block_stop" if isinstance(index, int):
                events = self._stop(index, value)
            case "message_delta":
                events = [*self._unthought(value), dict(value)]
            case _:
                return None
        return [(str(each["type"]), each) for each in events]

    def _start(self, index: int, value: Mapping[str, Any]) -> list[dict[str, Any]]:
        block = value.get("content_block")
        kind = _kind(block)
        self._apart = self._apart or (kind == "thinking" and self._index is None)
        if kind == "text" and not self._apart and self._index is None:
            self._index, self._block = index, {**dict(block or {}), "text": ""}
            return [_of("content_block_start", index + self._shift, content_block=_THINKING)]
        return [{**value, "index": index + self._shift}]

    def _delta(self, index: int, value: Mapping[str, Any]) -> list[dict[str, Any]]:
        delta = value.get("delta")
        text = (
            delta.get("text") if _kind(delta) == "text_delta" and isinstance(delta, dict) else None
        )
        if not isinstance(text, str):
            return [{**value, "index": index + self._shift}]
        if index != self._index:
            return self._said(index, text)
        closed = self._thinking.closed
        thinking, answer = self._thinking.feed(text)
        events = self._thought(index, thinking)
        if self._thinking.closed and not closed:
            events.append(_of("content_block_stop", index + self._shift))
            self._shift += 1
            block = dict(self._block)
            events.append(_of("content_block_start", index + self._shift, content_block=block))
        return [*events, *self._said(index, answer)]

    def _stop(self, index: int, value: Mapping[str, Any]) -> list[dict[str, Any]]:
        events = self._thought(index, self._thinking.end()) if index == self._index else []
        if waiting := self._texts.pop(index, ""):
            events.append(_text(index + self._shift, bare(waiting)))
        return [*events, {**value, "index": index + self._shift}]

    def _thought(self, index: int, thinking: str) -> list[dict[str, Any]]:
        if not thinking:
            return []
        delta = {"type": "thinking_delta", "thinking": thinking}
        return [_of("content_block_delta", index + self._shift, delta=delta)]

    def _said(self, index: int, text: str) -> list[dict[str, Any]]:
        if self._answer:
            self._texts[index] = self._texts.get(index, "") + text
            return []
        return [_text(index + self._shift, text)] if text else []

    def _unthought(self, value: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What was taken for thinking and was the answer, as a block of its own."""
        delta = value.get("delta")
        ended = isinstance(delta, dict) and delta.get("stop_reason") == "end_turn"
        text = self._thinking.unthought
        if not ended or not text or self._index is None:
            return []
        self._shift += 1
        index = self._index + self._shift
        return [
            _of("content_block_start", index, content_block=dict(self._block)),
            _text(index, bare(text) if self._answer else text),
            _of("content_block_stop", index),
        ]


_THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def _of(kind: str, index: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, **more}


def _text(index: int, text: str) -> dict[str, Any]:
    return _of("content_block_delta", index, delta={"type": "text_delta", "text": text})


def _kind(block: Any) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    return kind if isinstance(kind, str) else ""
