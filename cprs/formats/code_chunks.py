"""Cutting a run of statements into blocks."""

from __future__ import annotations

from dataclasses import dataclass

from tree_sitter import Node

from cprs.formats.syntax import SyntaxTree

BLOCK_LINES = 25
BLOCK_CHARS = 1_600
"""About how long a block is; a single token that is longer stays whole."""

_LONG_LINE = 400  # only a line longer than this is cut inside


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block may start: a statement, or a part of one at `depth` in its tree."""

    start: int
    row: int
    node: Node
    depth: int = 0


def chunk_starts(text: str, tree: SyntaxTree, places: list[Place]) -> list[int]:
    """Of consecutive statements, the byte offsets at which blocks start; the first always.

    A statement longer than a block is opened, so its parts may start blocks as well; cuts are
    made as high in the tree, and after that as late, as the size allows.
    """
    end_byte, end_row = places[-1].node.end_byte, places[-1].node.end_point[0]
    if _fits(places[0], end_byte, end_row + 1):
        return [places[0].start]
    spots = [spot for spot in _opened(places) if _may_start(text, tree, spot)]
    if not spots or spots[0].start != places[0].start:
        spots.insert(0, places[0])
    starts = [spots[0].start]
    first, n = 0, len(spots)
    while not _fits(spots[first], end_byte, end_row + 1):
        # All spots whose block before them would fit, without those that make a tiny block.
        last = first + 1
        while last < n and _fits(spots[first], spots[last].start, spots[last].row):
            last += 1
        choice = range(first + 1, last)
        if not choice:
            if last >= n:
                break
            first = last
        else:
            half = choice[len(choice) // 2 :]
            first = min(half, key=lambda i: (spots[i].depth, -i))
        starts.append(spots[first].start)
    return starts


def _fits(place: Place, end: int, row: int) -> bool:
    return row - place.row <= BLOCK_LINES and end - place.start <= BLOCK_CHARS


def _opened(places: list[Place]) -> list[Place]:
    """The places and, in statements too long for a block, those of their parts, in order."""
    found: list[Place] = []
    stack = places[::-1]
    while stack:
        place = stack.pop()
        found.append(place)
        node = place.node
        if not _is_atom(node) and not _fits(place, node.end_byte, node.end_point[0] + 1):
            stack += [
                Place(child.start_byte, child.start_point[0], child, place.depth + 1)
                for child in reversed(node.children)
            ]
    return found


def _is_atom(node: Node) -> bool:
    """Whether a node is one token to a reader, although its grammar gives it parts."""
    kind = node.type
    return ("string" in kind or "comment" in kind) and kind != "concatenated_string"


def _may_start(text: str, tree: SyntaxTree, spot: Place) -> bool:
    place = tree.place(spot.start)
    before = text.rfind("\n", max(0, place - _LONG_LINE), place) + 1
    if not before:
        return True
    return not text[before:place].strip()
