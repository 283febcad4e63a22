"""JSON files of many entries, read one entry at a time: a file may be larger than the memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import regex

from cprs.errors import TextError
from cprs.train.sets.data import UNREADABLE, open_text

_SPACE = regex.compile(r"[\s,]*")
_CHUNK = 1 << 20
_DECODER = json.JSONDecoder()


def read_entries(path: Path, *, key: str = "") -> Iterator[tuple[str, Any]]:
    """The entries of a JSON file, plain or gzipped, with their names, in order.

    A list or JSON lines: entries are named by number, from 1. An object: its values, named by
    their keys; with `key`, the entries of the list under that key. Raises `TextError` naming file
    and entry. Memory holds one entry and a read-ahead of about its size.
    """
    with open_text(path) as file:
        text = _Text(file, path)
        first = text.peek()
        if first == "[" and key:
            raise TextError(f"{path}: there is no {key!r} in it: it is a list")
        if first == "[":
            text.take("[")
            yield from _items(text)
        elif first == "{" and key:
            yield from _under(text, key)
        elif first == "{":
            yield from _members_or_lines(text)
        elif first:
            raise TextError(f"{path}: not JSON: it begins with {first!r}")
        else:
            raise TextError(f"{path}: empty")


class _Text:
    """A file's text from the current place on, read when needed."""

    def __init__(self, file: IO[str], path: Path) -> None:
        self._file = file
        self.path = path
        self._buffer = ""
        self._at = 0

    def peek(self) -> str:
        """The next character that is no white space or comma; empty at the end."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        """Step over the next character, which must be this one."""
        if (found := self.peek()) != character:
            raise TextError(f"{self.path}: not JSON: {character!r} expected, {found!r} found")
        self._at += 1

    def value(self, name: str) -> Any:
        """The JSON value that begins here."""
        self.peek()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._buffer, self._at)
            except RecursionError:
                raise TextError(f"{self.path}: entry {name}: nested too deeply") from None
            except json.JSONDecodeError as error:
                # An error far from the end of what was read is no matter of reading on.
                cut = error.msg.startswith("Unterminated") or error.pos > len(self._buffer) - 16
                if cut and self._more():
                    continue
                raise TextError(f"{self.path}: entry {name}: not JSON: {error.msg}") from error
            # A number may go on where the buffer ends.
            if end < len(self._buffer) or not self._more():
                self._at = end
                return found

    def _more(self) -> bool:
        """Read on, at least as much as waits: so an entry is scanned a few times, not hundreds."""
        self._buffer = self._buffer[self._at :]
        self._at = 0
        try:
            chunk = self._file.read(max(_CHUNK, len(self._buffer)))
        except UNREADABLE as error:
            raise TextError(f"{self.path}: cannot be read: {error}") from error
        self._buffer += chunk
        return bool(chunk)


def _items(text: _Text) -> Iterator[tuple[str, Any]]:
    number = 1
    while text.peek() not in ("]", ""):
        yield str(number), text.value(str(number))
        number += 1
    text.take("]")


def _under(text: _Text, key: str) -> Iterator[tuple[str, Any]]:
    text.take("{")
    while text.peek() not in ("}", ""):
        name = text.value("key")
        text.take(":")
        if name == key:
            text.take("[")
            yield from _items(text)
            return
        text.value(str(name))
    raise TextError(f"{text.path}: there is no {key!r} in it")


def _members_or_lines(text: _Text) -> Iterator[tuple[str, Any]]:
    """One object is a mapping whose values are the entries, more than one are JSON lines.

    Which it is shows at the first value: a mapping of entries has objects in it, an entry begins
    with its id or another string or list.
    """
    text.take("{")
    if text.peek() == "}":
        return
    name = text.value("1")
    text.take(":")
    if text.peek() == "{":
        while True:
            yield str(name), text.value(str(name))
            if text.peek() in ("}", ""):
                text.take("}")
                return
            name = text.value("key")
            text.take(":")
    first = {name: text.value("1")}
    while text.peek() not in ("}", ""):
        name = text.value("1")
        text.take(":")
        first[name] = text.value("1")
    text.take("}")
    yield "1", first
    number = 2
    while text.peek():
        yield str(number), text.value(str(number))
        number += 1
