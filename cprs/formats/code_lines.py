"""The lines of a source file as units: each depends on the signature it is under."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from tree_sitter import Node

from cprs.formats.code_languages import CodeLanguage
from cprs.formats.lines import lines
from cprs.formats.syntax import SyntaxTree
from cprs.units import IntArray, Role, Units

_KINDS = ("line", "signature", "close")
_LINE, _SIGNATURE, _CLOSE = range(3)
_QUOTED = re.compile(r"string|comment")
_CLOSING = re.compile(r"\s*[}\])][}\]);,\s]*(?://[^\n]*|/\*[^\n]*\*/\s*)?\Z")


def line_units(text: str, tree: SyntaxTree, language: CodeLanguage) -> Units:
    """Lines; those of one string or comment together are one unit, and so are those of one
    signature, the parent of those in its body.

    A line that does nothing but close braces is a CLOSE of the line that opens them.
    """
    definitions, wrappers, blocks = _find(tree.root, language)
    heads = _heads(tree, definitions, wrappers)
    bounds = between_tokens(_join(lines(text), heads), tree)
    n = len(bounds) - 1
    kind, role = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    kind[_unit_of(bounds, heads[:, 1])] = _SIGNATURE
    parent = _parents(n, _unit_of(bounds, heads[:, 1:]))
    for opener, closer in _blocks(tree, blocks, bounds):
        if kind[closer] == _LINE and _CLOSING.match(text, bounds[closer], bounds[closer + 1]):
            parent[closer], kind[closer], role[closer] = opener, _CLOSE, Role.CLOSE
    return Units(bounds=bounds, kinds=_KINDS, kind=kind, parent=parent, role=role)


def between_tokens(bounds: IntArray, tree: SyntaxTree) -> IntArray:
    """Those of `bounds` that lie in no string, comment or other token of several lines."""
    spans: list[tuple[int, int]] = []
    stack = [tree.root]
    while stack:
        for node in stack.pop().children:
            if node.start_point[0] == node.end_point[0]:
                continue
            if node.child_count and not _QUOTED.search(node.type):
                stack.append(node)
            else:
                spans.append((node.start_byte, node.end_byte))
    places = tree.places(np.array(sorted(spans), np.int64).reshape(-1, 2))
    opened = np.searchsorted(places[:, 0], bounds)
    closed = np.searchsorted(places[:, 1], bounds, side="right")
    free = opened == closed
    free[[0, -1]] = True
    found: IntArray = bounds[free]
    return found


def _find(root: Node, language: CodeLanguage) -> tuple[list[Node], list[Node], list[Node]]:
    """Definitions, wrappers and bodies in braces that are on more than one line.

    A walk of our own: tree-sitter's queries take quadratic time in broken code, where one node
    may hold all tokens.
    """
    definitions: list[Node] = []
    wrappers: list[Node] = []
    blocks: list[Node] = []
    named = language.functions | language.classes
    stack = [root]
    while stack:
        for node in stack.pop().named_children:
            if node.start_point[0] == node.end_point[0]:
                continue
            kind = node.type
            if kind in named:
                definitions.append(node)
            elif kind in language.wrappers:
                wrappers.append(node)
            elif kind in language.blocks:
                blocks.append(node)
            stack.append(node)
    return definitions, wrappers, blocks


def _unit_of(bounds: IntArray, places: IntArray) -> IntArray:
    return (np.searchsorted(bounds, places, side="right") - 1).astype(np.int64)


def _heads(tree: SyntaxTree, definitions: list[Node], wrappers: list[Node]) -> IntArray:
    """Of each definition where it starts, where its body opens and its last character: (n, 3).

    Outer ones first.
    """
    # A decorator is a part of the signature below it: both end at one place.
    earliest: dict[int, int] = {}
    for node in wrappers:
        end = node.end_byte
        earliest[end] = min(earliest.get(end, node.start_byte), node.start_byte)
    rows: list[tuple[int, int, int]] = []
    for node in definitions:
        body = node.child_by_field_name("body")
        if body is None:
            continue
        start, end = node.start_byte, node.end_byte
        opening = body.start_byte
        if tree.byte(opening) != b"{":
            # In a language without braces the body opens with the colon before it.
            marks = [child.start_byte for child in node.children if child.type in (":", "=>")]
            opening = max((at for at in marks if at < opening), default=opening)
        rows.append((min(earliest.get(end, start), start), opening, max(opening, end - 1)))
    places = np.array(sorted(rows, key=lambda row: (row[0], -row[2])), np.int64).reshape(-1, 3)
    return tree.places(places)


def _join(bounds: IntArray, heads: IntArray) -> IntArray:
    """Bounds of the lines, those of one signature joined."""
    keep = np.ones(len(bounds), bool)
    done = -1
    for first, last in _unit_of(bounds, heads[:, :2]).tolist():
        if first > done:
            keep[first + 1 : last + 1] = False
            done = last
    return bounds[keep]


def _parents(n: int, heads: IntArray) -> NDArray[np.int32]:
    """For each of `n` units the innermost signature above it, given (its unit, its last unit)."""
    parent = np.full(n, -1, np.int32)
    stack: list[tuple[int, int]] = []
    rows = iter([*heads.tolist(), (n, n)])
    head, last = next(rows)
    for unit in range(n):
        while stack and stack[-1][1] < unit:
            stack.pop()
        if stack:
            parent[unit] = stack[-1][0]
        while head <= unit:
            if head == unit < last:
                stack.append((head, last))
            head, last = next(rows)
    return parent


def _blocks(tree: SyntaxTree, nodes: list[Node], bounds: IntArray) -> list[tuple[int, int]]:
    """(opening unit, closing unit) of bodies in braces that close on a later unit.

    Of those that close on one line, the outermost.
    """
    rows = sorted((node.start_byte, max(node.start_byte, node.end_byte - 1)) for node in nodes)
    places = tree.places(np.array(rows, np.int64).reshape(-1, 2))
    closers: dict[int, int] = {}
    for opener, closer in _unit_of(bounds, places).tolist():
        if opener < closer:
            closers.setdefault(closer, opener)
    return [(opener, closer) for closer, opener in closers.items()]
