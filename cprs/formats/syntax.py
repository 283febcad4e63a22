"""Syntax trees by tree-sitter, with offsets in code points."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from tree_sitter import Language, Node, Parser, Tree

from cprs.units import IntArray

# Same number of code points, so that offsets stay true: tree-sitter takes UTF-8, which has no
# place for lone surrogates, and some of its lexers take NUL for the end.
_UNREADABLE = {0: 0x20, 0xFEFF: 0x20} | dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)


@lru_cache(maxsize=32)
def load_language(module: str, function: str = "language") -> Language:
    """The grammar in the package `module`; loaded when first used."""
    return Language(getattr(import_module(module), function)())


class SyntaxTree:
    """A parsed text. Nodes know bytes; `place` and `places` turn them into code points."""

    def __init__(self, text: str, language: Language) -> None:
        data = text.translate(_UNREADABLE) if _unreadable(text) else text
        encoded = data.encode()
        self._encoded = encoded
        self.tree: Tree = Parser(language).parse(encoded)
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


def _unreadable(text: str) -> bool:
    if "\0" in text or "\ufeff" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
