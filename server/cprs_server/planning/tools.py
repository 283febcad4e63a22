"""What a tool's result was asked for: the query from the call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cprs.formats import by_extension

QUERY = 600
"""Code points of a call's words at most."""

# Arguments that say in words what is wanted, the most telling first.
_TELLING = (
    "query",
    "question",
    "q",
    "search",
    "search_query",
    "pattern",
    "prompt",
    "goal",
    "description",
    "task",
    "keywords",
    "topic",
    "text",
    "filter",
    "where",
    "command",
    "sql",
)
_CALL = re.compile(r"\s*(?P<name>[^\s:({]{1,200})\s*[:(]?\s*(?P<arguments>.*)", re.DOTALL)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-./:]+")
_FILE = re.compile(r"""(?:^|[\s"'=/\\])([\w.@+-]*\w\.[A-Za-z][A-Za-z0-9]{0,9})(?=$|[\s"',)\]}])""")
_NUMBERED_LINES = re.compile(r"(?:\s*\d+\s*[→|:\t][^\n]*\n){2}")


def query_of(call: str) -> str:
    """The words of a call: its name, and its arguments with the telling ones first.

    >>> query_of('search_docs: {"limit": 5, "query": "retry policy"}')
    'search docs: retry policy'
    """
    match = _CALL.match(call)
    if match is None:
        return ""
    name = " ".join(_CAMEL.sub(" ", match["name"]).split())
    words = "; ".join(dict.fromkeys(_words(match["arguments"].rstrip(") "))))
    return (f"{name}: {words}" if words else name)[:QUERY]


def _words(arguments: str) -> Iterator[str]:
    try:
        values: Any = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        yield " ".join(arguments.split())
        return
    if not isinstance(values, dict):
        yield from _texts(values)
        return
    order = {name: number for number, name in enumerate(_TELLING)}
    for key in sorted(values, key=lambda key: order.get(key.lower(), len(order))):
        yield from _texts(values[key])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield " ".join(value.split())
    elif isinstance(value, dict | list):
        for each in list(value.values() if isinstance(value, dict) else value)[:20]:
            yield from _texts(each)


def file_of(call: str, result: str) -> str:
    """The name of the file that a call reads, "" if it names none or the result is not the bare
    file (lines with their numbers)."""
    if _NUMBERED_LINES.match(result):
        return ""
    return next((m[1] for m in _FILE.finditer(call[:4_000]) if by_extension(m[1])), "")
