"""What a form's reader gathers while it walks a request in the order of the prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cprs_server.errors import ProxyError
from cprs_server.wire.base import Conversation, Kind, Path, Text
from cprs_server.wire.body import too_deep
from cprs_server.wire.files import read_file

_MARKERS = ("cache_control", "prompt_cache_breakpoint")
_REPLACEMENT = "\ufffd"


@dataclass(slots=True)
class Gathered:
    """Texts, and what else takes room; `turn` is the message that is being read."""

    texts: list[Text] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    other_parts: int = 0
    turn: int = 0
    pinned: int = 0  # how many texts lie at or before the last cache marker
    calls: dict[str, str] = field(default_factory=dict)  # by id: name and arguments

    def text(self, path: Path, value: Any, kind: Kind, **about: Any) -> None:
        """A text, if `value` is one; `about` as in `Text`."""
        if isinstance(value, str) and value:
            self.texts.append(Text(path, _whole(value), kind, self.turn, **about))

    def file(self, path: Path, value: Any, kind: Kind, **about: Any) -> None:
        """A file in base64: a text if it holds one, otherwise one of `other_parts`."""
        file = read_file(value) if isinstance(value, str) else None
        if file is None:
            self.other_parts += 1
        elif file.text:
            self.texts.append(Text(path, file.text, kind, self.turn, encoded="base64", **about))

    def note(self, value: Any) -> None:
        """Something to be counted, never changed."""
        if isinstance(value, str):
            self.other.append(_whole(value))
        elif value:
            self.other.append(_whole(_dump(value)))

    def part(self, value: Mapping[str, Any]) -> None:
        """A part of a kind that the form does not know: counted where it has a text."""
        if isinstance(value.get("text"), str):
            self.note(value["text"])
        else:
            self.other_parts += 1

    def call(self, id: Any, name: Any, arguments: Any) -> None:
        """A call of a tool: counted, and remembered for its result."""
        call = call_text(name, arguments)
        self.note(call)
        if isinstance(id, str):
            self.calls[id] = call

    def call_of(self, id: Any) -> str:
        """The call that the result with this id belongs to; "" if it is not in the request."""
        return self.calls.get(id, "") if isinstance(id, str) else ""

    def mark(self, value: Mapping[str, Any]) -> None:
        """Note the cache marker that `value`, all of whose texts were read, may carry."""
        if any(value.get(key) for key in _MARKERS):
            self.pinned = len(self.texts)

    def conversation(
        self,
        form: str,
        body: Mapping[str, Any],
        *,
        output_tokens: Any = None,
        continues: bool = False,
    ) -> Conversation:
        """All of it, with what `body` says for every form."""
        for number in range(self.pinned):
            self.texts[number] = replace(self.texts[number], pinned=True)
        return Conversation(
            form=form,
            model=model_of(body),
            stream=body.get("stream") is True,
            texts=tuple(self.texts),
            output_tokens=_count(output_tokens),
            other="\n".join(self.other),
            other_parts=self.other_parts,
            continues=continues,
        )


def model_of(body: Mapping[str, Any]) -> str:
    """The model that a request names, "" if none: some upstreams serve just one.

    Raises `ProxyError` (400) where it is not a string.
    """
    model = body.get("model")
    if model is None:
        return ""
    if not isinstance(model, str):
        raise ProxyError(400, "'model' must be a string", code="invalid_model")
    return model


def required_list(body: Mapping[str, Any], key: str) -> list[Any]:
    """The array `key` of `body`. Raises `ProxyError` (400) where it is none."""
    value = body.get(key)
    if not isinstance(value, list):
        wrong = f"'{key}' must be an array" if key in body else f"'{key}' is missing"
        raise ProxyError(400, wrong, code=f"invalid_{key}")
    return value


def kind_of(kinds: Mapping[str, Kind], role: Any) -> Kind | None:
    """What the texts of a message with this `role` are; None where the form has no such role."""
    return kinds.get(role) if isinstance(role, str) else None


def mappings(value: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """The objects in the array `value`, with their indices; none if it is no array."""
    if not isinstance(value, list):
        return []
    return [(index, item) for index, item in enumerate(value) if isinstance(item, dict)]


def call_text(name: Any, arguments: Any) -> str:
    """A call of a tool in words.

    >>> call_text("search", {"q": "tea"})
    'search: {"q":"tea"}'
    """
    if not isinstance(arguments, str):
        arguments = _dump(arguments) if arguments else ""
    return ": ".join(part for part in (name, arguments) if isinstance(part, str) and part)


def _dump(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise too_deep() from None


def _whole(text: str) -> str:
    """`text` with halves of surrogate pairs replaced, one code point by one: JSON may hold them,
    but no tokenizer takes them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(_REPLACEMENT if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
