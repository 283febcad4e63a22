"""Syntax trees by tree-sitter, with offsets in code points."""

from __future__ import annotations

import time
from functools import lru_cache
from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from tree_sitter import Language, Node, Parser, Point, Tree

from cprs.checkpoint import checkpoint, is_cancelled
from cprs.units import IntArray

# Same number of code points, so that offsets stay true: tree-sitter takes UTF-8, which has no
# place for lone surrogates, and some of its lexers take NUL for the end.
_UNREADABLE = {0: 0x20, 0xFEFF: 0x20} | dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)


@lru_cache(maxsize=32)
def load_language(module: str, function: str = "language") -> Language:
    """The grammar in the package `module`; loaded when first used."""
    return Language(getattr(import_module(module), function)())


class Unparsable(Exception):
    """The parser would take far too long over this text; it is to be cut without a tree."""


# A grammar that looks far ahead again and again (for the end of a comment that never ends) takes
# quadratic time. Source code and pages read each chunk about twice, at most three times.
_CHUNK = 1_024
_READS = 64
# Deep ambiguity is the other way to get lost, and only the clock tells. Code takes 1 s per MB,
# text that is no code at all up to 20 s.
_SECONDS, _SECONDS_PER_BYTE = 30.0, 60e-6


class SyntaxTree:
    """A parsed text. Nodes know bytes; `place` and `places` turn them into code points.

    Raises `Unparsable` for the rare text that the grammar gets lost in.
    """

    def __init__(self, text: str, language: Language) -> None:
        data = text.translate(_UNREADABLE) if _unreadable(text) else text
        encoded = data.encode()
        self._encoded = encoded
        self.tree = _parse(encoded, language)
        self._places: NDArray[np.int32] | None = None
        if len(encoded) != len(text):
            begins = (np.frombuffer(encoded, np.uint8) & 0xC0) != 0x80
            self._places = np.append(0, np.cumsum(begins)).astype(np.int32)
            # A byte inside a character belongs to that character's start.
            self._places[:-1] -= ~begins

    @property
    def root(self) -> Node:
        """The node of the whole text."""
        return self.tree.root_node

    def place(self, byte: int) -> int:
        """The code point at a byte offset."""
        return byte if self._places is None else int(self._places[byte])

    def places(self, bytes_at: IntArray) -> IntArray:
        """`place` of many offsets at once."""
        if self._places is None:
            return bytes_at
        return self._places[bytes_at].astype(np.int64)

    def source(self, node: Node) -> bytes:
        """A node's text, in UTF-8."""
        return self._encoded[node.start_byte : node.end_byte]

    def byte(self, at: int) -> bytes:
        """The byte at an offset, b"" at the end."""
        return self._encoded[at : at + 1]


def _parse(encoded: bytes, language: Language) -> Tree:
    left = _READS * (len(encoded) // _CHUNK + 16)
    deadline = time.monotonic() + _SECONDS + _SECONDS_PER_BYTE * len(encoded)

    def read(at: int, _point: Point) -> bytes:
        nonlocal left
        left -= 1
        return encoded[at : at + _CHUNK] if left >= 0 else b""

    def is_lost(_at: int, _has_error: bool) -> bool:
        return left < 0 or time.monotonic() > deadline or is_cancelled()

    try:
        tree = Parser(language).parse(read, progress_callback=is_lost)
    except ValueError as error:  # how a parse that was stopped ends
        checkpoint()
        raise Unparsable from error
    if left < 0:
        raise Unparsable
    return tree


def _unreadable(text: str) -> bool:
    if "\0" in text or "\ufeff" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
