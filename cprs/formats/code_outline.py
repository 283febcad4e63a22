"""The outline of a source file: where its units start, at granularity "function"."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tree_sitter import Node

from cprs.checkpoint import EVERY, checkpoint
from cprs.formats.code_chunks import Place, chunk_starts
from cprs.formats.code_languages import CodeLanguage
from cprs.formats.syntax import SyntaxTree
from cprs.units import Role, Units

FUNCTION_LINES = 60
FUNCTION_CHARS = 4_000
"""A longer function is cut into its signature and blocks of its body."""
SMALL_CLASS_LINES = 25
"""A class without functions and not longer than this is one unit."""
DOCSTRING_LINES = 15
DOCSTRING_CHARS = 1_000
"""A docstring up to this size stays with its signature."""

_BREAKS = "\n\r\u2028\u2029"
_NESTED_WRAPPERS = 12  # export > const > declarator > call > arguments > function, and some


@dataclass(frozen=True, slots=True)
class Item:
    """A statement of a body, or a definition with the comments before it.

    `start` is where its comments start, `node` the statement, `core` the definition in it.
    """

    start: int
    row: int
    node: Node
    core: Node | None


@dataclass(slots=True)
class _Open:
    """A body being walked: what is left of it, the unit it depends on, and its closing."""

    items: Iterator[Item]
    unit: int
    close: Node | None


class Outline:
    """Collects where units start. Each ends where the next one starts."""

    def __init__(self, text: str, tree: SyntaxTree, language: CodeLanguage) -> None:
        self._text = text
        self._tree = tree
        self._language = language
        self._codes: dict[str, int] = {}
        self._starts = array("q")
        self._kind, self._parent, self._role = array("B"), array("i"), array("B")

    def build(self) -> Units:
        """Walk the tree, without recursion, and give the units."""
        stack = [_Open(iter(self._items(self._tree.root.named_children)), -1, None)]
        pending: list[Item] = []
        while stack:
            if not len(self._starts) % EVERY:
                checkpoint()
            body = stack[-1]
            item = next(body.items, None)
            if item is not None and item.core is None:
                if pending and self._apart(pending[-1], item):
                    self._blocks(pending, body.unit)
                    pending = []
                pending.append(item)
                continue
            self._blocks(pending, body.unit)
            pending = []
            if item is not None:
                inner = self._definition(item, body.unit)
                if inner is not None:
                    stack.append(inner)
                continue
            if body.close is not None:
                self._add(body.close.start_byte, "close", body.unit, Role.CLOSE)
            stack.pop()
        if not self._starts and self._text:
            self._add(0, "block", -1)
        return Units(
            bounds=np.append(np.array(self._starts, np.int64), len(self._text)),
            kinds=tuple(self._codes),
            kind=np.array(self._kind, np.uint8),
            parent=np.array(self._parent, np.int32),
            role=np.array(self._role, np.uint8),
        )

    def _add(self, byte: int, kind: str, parent: int, role: Role = Role.CONTENT) -> int:
        """Start a unit at `byte`, or at its line's start where only blanks come before it.

        What starts where a unit has started already is a part of that one.
        """
        place = line_start(self._text, self._tree.place(byte)) if self._starts else 0
        if self._starts and (place <= self._starts[-1] or not self._may_cut(place)):
            return len(self._starts) - 1
        self._starts.append(place)
        self._kind.append(self._codes.setdefault(kind, len(self._codes)))
        self._parent.append(parent)
        self._role.append(role)
        return len(self._starts) - 1

    def _may_cut(self, place: int) -> bool:
        """Whether no grapheme cluster is cut: at line starts and in ASCII, that is."""
        around = self._text[place - 1 : place + 1]
        if place >= len(self._text) or around == "\r\n":
            return False
        return around.isascii() or around[0] in _BREAKS

    def _items(self, nodes: list[Node], last_row: int = -1) -> list[Item]:
        """The statements of a body; comments join the definition they stand right above.

        `last_row` is where the line before the body ends: comments on it are a part of that.
        """
        language = self._language
        items: list[Item] = []
        above: list[Node] = []  # comments, one right below the other
        queue = nodes[::-1]
        while queue:
            if not len(items) % EVERY:
                checkpoint()
            node = queue.pop()
            if node.type in language.transparent:
                queue += node.named_children[::-1]
                continue
            row = node.start_point[0]
            if above and row > above[-1].end_point[0] + (above[-1].end_point[1] > 0):
                items += [Item(n.start_byte, n.start_point[0], n, None) for n in above]
                above = []
            if node.type in language.leading:
                if row > last_row:
                    above.append(node)
            else:
                core = self._core(node)
                if core is None:
                    items += [Item(n.start_byte, n.start_point[0], n, None) for n in above]
                    items.append(Item(node.start_byte, row, node, None))
                else:
                    first = above[0] if above else node
                    items.append(Item(first.start_byte, first.start_point[0], node, core))
                above = []
            # Some nodes end with their line break, on the next row.
            last_row = node.end_point[0] - (node.end_point[1] == 0)
        items += [Item(n.start_byte, n.start_point[0], n, None) for n in above]
        return items

    def _core(self, node: Node) -> Node | None:
        """The definition that a statement is, or that makes up most of it."""
        language = self._language
        for depth in range(_NESTED_WRAPPERS):
            kind = node.type
            if kind in language.functions or kind in language.classes:
                body = node.child_by_field_name("body")
                if body is None or (depth and language.blocks and body.type not in language.blocks):
                    return None
                return node
            if kind in language.scopes:
                return node
            if kind not in language.wrappers or not node.named_child_count:
                return None
            node = max(node.named_children[-8:], key=lambda n: n.end_byte - n.start_byte)
        return None

    def _definition(self, item: Item, parent: int) -> _Open | None:
        """Start the unit of a definition; where it is to be cut further, its body."""
        core, language = item.core, self._language
        assert core is not None
        if core.type in language.scopes:
            return self._scope(item, core, parent)
        body = core.child_by_field_name("body")
        assert body is not None
        lines = item.node.end_point[0] - item.row + 1
        chars = item.node.end_byte - item.start
        nodes = body.named_children
        if core.type in language.functions:
            if lines <= FUNCTION_LINES and chars <= FUNCTION_CHARS:
                self._add(item.start, "function", parent)
                return None
            unit = self._add(item.start, "signature", parent)
        else:
            small = lines <= SMALL_CLASS_LINES and chars <= FUNCTION_CHARS
            unit = self._add(item.start, "class", parent)
            if small and not any(self._core(node) for node in nodes):
                return None
        braced = self._tree.byte(body.start_byte) == b"{"
        items = self._items(nodes, body.start_point[0] if braced else -1)
        if items and _is_docstring(items[0].node):
            items = items[1:]
        close = body.children[-1] if braced else None
        closes = close is not None and close.type == "}" and not close.is_missing
        return _Open(iter(items), unit, close if closes else None)

    def _scope(self, item: Item, core: Node, parent: int) -> _Open:
        unit = self._add(item.start, "scope", parent, Role.FRAME)
        body = core.child_by_field_name("body")
        if body is not None:
            nodes, last = body.named_children, body.children[-1] if body.child_count else None
        else:  # #ifdef: what follows its own line
            row = core.start_point[0]
            nodes = [node for node in core.named_children if node.start_point[0] > row]
            last = core.children[-1] if core.child_count else None
        closes = last is not None and last.type in ("}", "#endif") and not last.is_missing
        items = self._items(nodes, (body or core).start_point[0])
        return _Open(iter(items), unit, last if closes else None)

    def _apart(self, before: Item, item: Item) -> bool:
        imports = self._language.imports
        return (before.node.type in imports) != (item.node.type in imports)

    def _blocks(self, items: list[Item], parent: int) -> None:
        if not items:
            return
        places = [Place(item.start, item.row, item.node) for item in items]
        for byte in chunk_starts(self._text, self._tree, places):
            self._add(byte, "block", parent)


def line_start(text: str, place: int) -> int:
    """The start of the line that `place` is on where only blanks are between, else `place`."""
    at = place
    while at and text[at - 1] in " \t\f\v":
        at -= 1
    return at if at == 0 or text[at - 1] in _BREAKS else place


def _is_docstring(node: Node) -> bool:
    if node.type != "expression_statement" or node.named_child_count != 1:
        return False
    inner = node.named_children[0]
    if inner.type != "string":
        return False
    lines = node.end_point[0] - node.start_point[0]
    return lines < DOCSTRING_LINES and node.end_byte - node.start_byte <= DOCSTRING_CHARS
