"""Where the values of a JSON text are, by path: found in one walk, at any depth.

What no path leads into is skipped by the decoder of the standard library, in C: the walk steps
through the containers around wanted values alone. The text must be one that `json.loads` takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cprs_server.wire.base import Path

# Numbers stay text: quicker to skip, and none is too long.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_BLANK = re.compile(r"[ \t\n\r]*")
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Place:
    """The value text[start:end]; its member or element starts at `first`: at its key, if any."""

    first: int
    start: int
    end: int


_Tree = dict[Any, Any]  # keys and indices to trees; an empty one where a path ends
_Found = dict[Any, tuple[Place, Any]]  # keys and indices to a place and what was found inside it


@dataclass(slots=True)
class _Open:
    """A container whose inside is being walked, and where in `into` its own place belongs."""

    first: int
    start: int
    into: _Found
    key: str | int
    tree: _Tree
    is_object: bool
    index: int = -1
    inside: _Found = field(default_factory=dict)


def places(text: str, paths: Iterable[Path]) -> dict[Path, Place]:
    """The place of each value of the JSON `text` that is at one of `paths`; of repeated keys the
    last counts. Paths that lead nowhere are left out. Linear in `text` and `paths`.

    >>> places('{"a": [1, "x"]}', [("a", 1), ("b",)])
    {('a', 1): Place(first=10, start=10, end=13)}
    """
    wanted = set(paths)
    tree: _Tree = {}
    for path in wanted:
        node = tree
        for key in path:
            node = node.setdefault(key, {})
    return {path: place for path, place in _flat(_walk(text, tree)) if path in wanted}


def members(text: str) -> Iterator[tuple[str, int, int, int]]:
    """Of each member of the JSON object `text`, repeated keys too: its key, where that starts,
    where its value starts and where that ends."""
    decode = _DECODER.raw_decode
    position = _blank(text, _blank(text, 0) + 1)
    while text[position] != "}":
        key, after = decode(text, position)
        start = _blank(text, _blank(text, after) + 1)
        end = decode(text, start)[1]
        yield key, position, start, end
        position = _blank(text, end)
        if text[position] == ",":
            position = _blank(text, position + 1)


def _walk(text: str, tree: _Tree) -> _Found:
    """The places of all values that `tree` leads to or through, nested as they are."""
    found: _Found = {}
    stack: list[_Open] = []
    first = start = _blank(text, 0)
    key: str | int = 0
    into = found
    node: _Tree | None = tree
    while True:
        if node and text[start] in "{[":
            is_object = text[start] == "{"
            stack.append(_Open(first, start, into, key, node, is_object))
            position = _blank(text, start + 1)
            closes = text[position] in "}]"
        else:
            position = _DECODER.raw_decode(text, start)[1]
            if node is not None:
                into[key] = (Place(first, start, position), {})
            closes = False
        # On to the next member or element, out of all containers that end here.
        while stack:
            top = stack[-1]
            if not closes and top.index >= 0:
                position = _blank(text, position)
                closes = text[position] != ","
                if not closes:
                    position = _blank(text, position + 1)
            if not closes:
                break
            stack.pop()
            position += 1
            top.into[top.key] = (Place(top.first, top.start, position), top.inside)
            closes = False
        else:
            return found
        top.index += 1
        first = position
        key, start = _key(text, position) if top.is_object else (top.index, position)
        node = top.tree.get(key)
        into = top.inside


def _flat(found: _Found) -> Iterator[tuple[Path, Place]]:
    stack: list[tuple[Path, Any]] = [((), found[0])] if found else []
    while stack:
        path, (place, inside) = stack.pop()
        yield path, place
        stack.extend(((*path, key), below) for key, below in inside.items())


def _key(text: str, position: int) -> tuple[str, int]:
    """The key at `position`, and where its value starts."""
    key, end = _DECODER.raw_decode(text, position)
    colon = _COLON.match(text, end)
    if colon is None:
        raise ValueError(f"not JSON: no colon at code point {end}")
    return key, colon.end()


def _blank(text: str, position: int) -> int:
    if position < len(text) and text[position] not in " \t\n\r":
        return position
    match = _BLANK.match(text, position)
    return match.end() if match else position
