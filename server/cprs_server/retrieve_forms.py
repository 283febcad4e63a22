"""The tool `cprs_retrieve` in the words of each API form: offered, called, answered.

A form is named as `wire.base.Form.name`. Requests and answers are JSON objects; none is changed in
place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cprs_server.markers import TOOL

Json = dict[str, Any]

FORMS = ("chat", "messages", "responses")
"""The forms that know tools."""

_ABOUT = (
    "Get the whole of a text that was shortened. Call it when a marker with a hash stands below a "
    "text and what is left of it is not enough."
)
_PARAMETERS: Json = {
    "type": "object",
    "properties": {
        "hash": {"type": "string", "description": "The 24 hex digits of the marker."},
        "query": {"type": "string", "description": "What you look for, if not all is needed."},
    },
    "required": ["hash"],
}


@dataclass(frozen=True, slots=True)
class Called:
    """A call of ours in an answer. `id` links the result to it."""

    id: str
    hash: str
    query: str = ""


def offers(form: str, request: Mapping[str, Any]) -> bool:
    """Whether the tool may be offered with a request: not where the client forbids tools, forces
    one, wants several answers, or has a tool of this name itself."""
    if form not in FORMS or request.get("n") not in (None, 1):
        return False
    if request.get("tool_choice") not in (None, "auto", {"type": "auto"}):
        return False
    tools = request.get("tools")
    return tools is None or (
        isinstance(tools, list) and not any(_name(tool) == TOOL for tool in tools)
    )


def offered(form: str, request: Mapping[str, Any]) -> Json:
    """The request with the tool."""
    return {**request, "tools": [*(request.get("tools") or ()), _tool(form)]}


def withdrawn(request: Mapping[str, Any]) -> Json:
    """The request without it."""
    tools = [tool for tool in request.get("tools") or () if _name(tool) != TOOL]
    left = {key: value for key, value in request.items() if key != "tools"}
    return {**left, "tools": tools} if tools else left


def called(form: str, answer: Mapping[str, Any]) -> tuple[list[Called], bool]:
    """Calls of ours in an answer, and whether there are others."""
    ours, others = [], False
    for name, id, arguments in _calls(form, answer):
        if name == TOOL:
            given = _object(arguments)
            hash, query = given.get("hash"), given.get("query")
            ours.append(Called(id, str(hash or ""), query if isinstance(query, str) else ""))
        else:
            others = True
    return ours, others


def followed(
    form: str,
    request: Mapping[str, Any],
    answer: Mapping[str, Any],
    results: Sequence[tuple[Called, str]],
) -> Json:
    """The next request: the same, with the answer and what its calls gave."""
    if form == "chat":
        said = answer["choices"][0]["message"]
        told = [{"role": "tool", "tool_call_id": c.id, "content": text} for c, text in results]
        return {**request, "messages": [*request["messages"], said, *told]}
    if form == "messages":
        blocks = [
            {"type": "tool_result", "tool_use_id": c.id, "content": text} for c, text in results
        ]
        turns = [
            {"role": "assistant", "content": answer["content"]},
            {"role": "user", "content": blocks},
        ]
        return {**request, "messages": [*request["messages"], *turns]}
    before = request.get("input", [])
    items = [{"role": "user", "content": before}] if isinstance(before, str) else before
    outputs = [
        {"type": "function_call_output", "call_id": c.id, "output": text} for c, text in results
    ]
    return {**request, "input": [*items, *answer["output"], *outputs]}


def stripped(form: str, answer: Mapping[str, Any]) -> Json:
    """An answer without calls of ours, for a client that is to answer the others."""
    if form == "chat":
        choice = answer["choices"][0]
        calls = [c for c in choice["message"]["tool_calls"] if _name(c) != TOOL]
        message = {**choice["message"], "tool_calls": calls}
        return {**answer, "choices": [{**choice, "message": message}]}
    key = "content" if form == "messages" else "output"
    kept = [
        item
        for item in answer[key]
        if not (item.get("type") in ("tool_use", "function_call") and item.get("name") == TOOL)
    ]
    return {**answer, key: kept}


def _calls(form: str, answer: Mapping[str, Any]) -> Iterable[tuple[str, str, Any]]:
    """Name, id and arguments of each call."""
    if form == "chat":
        choices = _mappings(answer.get("choices"))[:1]
        for choice in choices:
            message = choice.get("message")
            for call in _mappings(message.get("tool_calls") if isinstance(message, dict) else ()):
                function = call.get("function")
                arguments = function.get("arguments") if isinstance(function, dict) else None
                yield _name(call), str(call.get("id")), arguments
    elif form == "messages":
        for block in _mappings(answer.get("content")):
            if block.get("type") == "tool_use":
                yield _name(block), str(block.get("id")), block.get("input")
    else:
        for item in _mappings(answer.get("output")):
            if item.get("type") in ("function_call", "custom_tool_call"):
                yield _name(item), str(item.get("call_id")), item.get("arguments")


def _tool(form: str) -> Json:
    about: Json = {"name": TOOL, "description": _ABOUT}
    if form == "messages":
        return {**about, "input_schema": _PARAMETERS}
    if form == "responses":
        return {"type": "function", **about, "parameters": _PARAMETERS, "strict": False}
    return {"type": "function", "function": {**about, "parameters": _PARAMETERS}}


def _name(tool: Any) -> str:
    """The name of a tool, or of the tool that a call is of."""
    if not isinstance(tool, dict):
        return ""
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else tool.get("name")
    return name if isinstance(name, str) else ""


def _object(arguments: Any) -> Json:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return {}
    return arguments if isinstance(arguments, dict) else {}


def _mappings(values: Any) -> list[Json]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []
