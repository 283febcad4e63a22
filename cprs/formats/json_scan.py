"""Scanning JSON: every value of a document with its place, in linear time and without recursion.

Accepts exactly what `json.loads` accepts (NaN, Infinity and repeated keys among it), at any
depth, and a byte order mark before it.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass

from cprs.checkpoint import EVERY, checkpoint
from cprs.errors import TextError

_WS = r"[ \t\n\r]*"
_STRING = r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_SCALAR = rf"(?:{_STRING}|{_NUMBER}|true|false|null|NaN|-?Infinity)"

# One match takes a whole member or element with what follows it: groups are
# 1 where it starts, 2 where a scalar ends, 3 the delimiter after it, 4 an opening bracket.
_VALUE = rf"(?:{_SCALAR}(){_WS}([,}}\]])?|([\[{{]))"
_DELIMITER, _BRACKET = 3, 4
_ELEMENT = re.compile(rf"{_WS}(){_VALUE}")
_MEMBER = re.compile(rf"{_WS}(){_STRING}{_WS}:{_WS}{_VALUE}")
_AFTER = re.compile(rf"{_WS}([,}}\]])")
_EMPTY = {"{": re.compile(rf"{_WS}\}}"), "[": re.compile(rf"{_WS}\]")}
_BLANK = re.compile(_WS)
_TORN = re.compile(
    r'"[^"\\\n]*(?:\\.[^"\\\n]*)*\\?|[.eE+-]{0,2}|t(?:ru?)?|f(?:a|al|als)?|nu?l?|Na?|-?I[a-z]{0,6}'
)

STRING = re.compile(_STRING)
"""One JSON string with its quotes."""


class JsonError(TextError):
    """A text that is not JSON, and the code point from which on it is not."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class JsonValues:
    """The values of a JSON document in document order (preorder), as columns.

    `start[i]`: where the value starts, its key where it has one. `head[i]`: just after its
    opening bracket, or -1 for a value without children (scalars, `[]`, `{}`). `end[i]`: just
    after it. `parent[i]`: the value around it, -1 for the root. `after[i]`: the index of the
    first value that is not inside it.
    """

    start: array[int]
    head: array[int]
    end: array[int]
    parent: array[int]
    after: array[int]

    def __len__(self) -> int:
        return len(self.start)


def scan_json(text: str) -> JsonValues:
    """All values of the JSON document `text`.

    Raises `TextError` naming line and column where `json.loads` would refuse it.

    >>> values = scan_json('{"a": [1, 2]}')
    >>> list(values.start), list(values.parent)
    ([0, 1, 7, 10], [-1, 0, 1, 1])
    """
    starts, heads, ends = array("q"), array("q"), array("q")
    parents, afters = array("q"), array("q")
    position = 1 if text.startswith("\ufeff") else 0
    top = -1  # the container that is open, whose own parent is the one around it
    match = _ELEMENT.match(text, position)
    while True:
        if match is None:
            raise _broken(text, position, in_object=_is_object(text, heads, top))
        index = len(starts)
        if not index % EVERY:
            checkpoint()
        position = match.end()
        starts.append(match.end(1))
        parents.append(top)
        afters.append(index + 1)
        delimiter: str | None = None
        if match.lastindex == _BRACKET:
            bracket = match[_BRACKET]
            empty = _EMPTY[bracket].match(text, position)
            if empty is None:
                heads.append(position)
                ends.append(-1)
                top = index
                match = (_MEMBER if bracket == "{" else _ELEMENT).match(text, position)
                continue
            position = empty.end()
            heads.append(-1)
            ends.append(position)
        else:
            heads.append(-1)
            ends.append(match.end(2))
            delimiter = match[_DELIMITER]
        # Close all that closes here, up to the next comma.
        while top >= 0:
            if delimiter is None:
                found = _AFTER.match(text, position)
                if found is None:
                    raise _error(text, position, "expected ',' or a closing bracket")
                delimiter, position = found[1], found.end()
            in_object = text[heads[top] - 1] == "{"
            if delimiter == ",":
                match = (_MEMBER if in_object else _ELEMENT).match(text, position)
                break
            if (delimiter == "}") != in_object:
                wanted = "}" if in_object else "]"
                raise _error(text, position - 1, f"expected ',' or '{wanted}'")
            ends[top] = position
            afters[top] = len(starts)
            top = parents[top]
            delimiter = None
        else:
            end = _BLANK.match(text, ends[0])
            if end is None or end.end() != len(text):
                raise _error(text, ends[0], "expected the end")
            return JsonValues(starts, heads, ends, parents, afters)


def begins_json(sample: str) -> bool:
    """Whether `sample` is the beginning of a JSON document, or all of one."""
    try:
        scan_json(sample)
    except JsonError as error:
        return _TORN.fullmatch(sample, error.position) is not None
    return True


def is_json(text: str) -> bool:
    """Whether `text` is one whole JSON document."""
    try:
        scan_json(text)
    except TextError:
        return False
    return True


def _is_object(text: str, heads: array[int], top: int) -> bool:
    return top >= 0 and text[heads[top] - 1] == "{"


def _broken(text: str, position: int, *, in_object: bool) -> JsonError:
    """What is wrong with the member or element that should start at `position`."""
    if in_object:
        position = _skip(text, position)
        key = STRING.match(text, position)
        if key is None:
            return _error(text, position, "expected a key in double quotes")
        position = _skip(text, key.end())
        if text[position : position + 1] != ":":
            return _error(text, position, "expected ':'")
        position += 1
    position = _skip(text, position)
    if text[position : position + 1] == '"':
        return _error(text, position, "a string with a bad escape, a control character or no end")
    return _error(text, position, "expected a value")


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _error(text: str, position: int, what: str) -> JsonError:
    position = _skip(text, position)
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    found = repr(text[position]) if position < len(text) else "the end of the text"
    return JsonError(
        f"broken JSON at line {line}, column {column}: {what}, found {found}; "
        "repair it or name another format",
        position,
    )
