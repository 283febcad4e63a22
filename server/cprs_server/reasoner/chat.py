"""Thinking in OpenAI's chat completions: `reasoning_content`, beside `content`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cprs_server.reasoner.events import EventEdit, Named
from cprs_server.reasoner.thinking import Thinking, bare, split
from cprs_server.wire.sse import dump

_APART = ("reasoning_content", "reasoning")  # what vLLM and its likes call it


def whole(body: bytes, *, answer: bool = False) -> bytes:
    """A completion with each message's thinking in `reasoning_content`. Where the upstream has
    told them apart already, that stays. `answer`: only the answer of the answer."""
    try:
        value = json.loads(body)
        choices = value["choices"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return body
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and isinstance(choice.get("message"), dict):
            ended = choice.get("finish_reason") == "stop"
            choice["message"] = _message(choice["message"], ended=ended, answer=answer)
    return dump(value)


def _message(message: dict[str, Any], *, ended: bool, answer: bool) -> dict[str, Any]:
    content = message.get("content")
    thinking = next((message[key] for key in _APART if message.get(key)), None)
    if thinking is None and isinstance(content, str):
        thinking, content = split(content, ended=ended)
    if answer and isinstance(content, str):
        content = bare(content)
    return {**message, "content": content or None, "reasoning_content": thinking or None}


@dataclass(slots=True)
class _Choice:
    """What has been seen of one of the choices."""

    thinking: Thinking = field(default_factory=Thinking)
    apart: bool = False
    answer: str = ""
    done: bool = False


class ChatStream(EventEdit):
    """The same for a stream of chunks. With `answer`, the content comes in one piece at its end."""

    def __init__(self, *, answer: bool = False) -> None:
        super().__init__()
        self._answer = answer
        self._choices: dict[int, _Choice] = {}
        self._last: Mapping[str, Any] = {}

    def change(self, name: str | None, value: Mapping[str, Any]) -> Iterable[Named] | None:
        """As `EventEdit.change`."""
        choices = value.get("choices")
        if not isinstance(choices, list) or not choices:
            return None
        self._last = value
        made = [
            part for choice in choices if isinstance(choice, dict) for part in self._parts(choice)
        ]
        usage = value.get("usage")
        if not made:
            return [] if not usage else [(name, {**value, "choices": []})]
        plain = {**value, "usage": None} if usage else value
        events = [(name, {**plain, "choices": [choice]}) for choice in made]
        events[-1] = (name, {**value, "choices": [made[-1]]})
        return events

    def rest(self) -> Iterator[Named]:
        """As `EventEdit.rest`."""
        for index, state in self._choices.items():
            if not state.done and (said := state.thinking.end()):
                delta = {"reasoning_content": said}
                choice = {"index": index, "delta": delta, "finish_reason": None}
                yield None, {**self._last, "choices": [choice]}

    def _parts(self, choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The choice in as many chunks as it takes: thinking, then answer."""
        index, delta = choice.get("index", 0), choice.get("delta")
        if not isinstance(index, int) or not isinstance(delta, dict):
            yield dict(choice)
            return
        state = self._choices.setdefault(index, _Choice())
        finish = choice.get("finish_reason")
        others = {key: each for key, each in delta.items() if key != "content"}
        apart = next((delta[key] for key in _APART if delta.get(key)), None)
        if apart is not None:
            state.apart = True
            others["reasoning_content"] = apart
        thinking, answer = self._told(state, delta.get("content"), finish)
        deltas: list[dict[str, Any]] = []
        if thinking:
            deltas.append({"reasoning_content": thinking})
        if answer:
            deltas.append({"content": answer})
        if not deltas:
            empty = {key: delta[key] for key in ("content",) if delta.get(key, "x") in ("", None)}
            if not others and not finish and not empty:
                return
            deltas.append(empty)
        deltas[0] = {**others, **deltas[0]}
        for number, part in enumerate(deltas):
            last = number == len(deltas) - 1
            yield {**choice, "delta": part, "finish_reason": finish if last else None}

    def _told(self, state: _Choice, content: Any, finish: Any) -> tuple[str, str]:
        text = content if isinstance(content, str) else ""
        thinking, answer = ("", text) if state.apart else state.thinking.feed(text)
        if finish and not state.apart:
            thinking += state.thinking.end()
            if finish == "stop":
                answer = state.thinking.unthought or answer
        state.done = state.done or bool(finish)
        if self._answer:
            state.answer += answer
            answer = bare(state.answer) if finish else ""
        return thinking, answer
