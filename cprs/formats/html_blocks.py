"""Readable blocks of an HTML page: paragraphs, items, headings, rows, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from cprs.checkpoint import cancellable
from cprs.formats.syntax import SyntaxTree


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SKIPPED = _set("head script style nav template svg iframe noscript button select canvas object")
_BLOCKS = _set(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main "
    "menu ol optgroup p pre search section summary table tbody td tfoot th thead tr ul"
)
_VOID = _set("area base br col embed hr img input link meta param source track wbr")
_ENDS = {  # what a start tag ends although it has no end tag of its own
    "p": _set("p"),
    "li": _set("li p"),
    "dt": _set("dt dd p"),
    "dd": _set("dt dd p"),
    "td": _set("td th p"),
    "th": _set("td th p"),
    "tr": _set("tr td th p"),
    "tbody": _set("thead tbody tr td th p"),
    "option": _set("option"),
}
_HEADING = re.compile(r"h[1-6]\Z")
_HEADER_CELL, _CELL = re.compile(rb"<th[\s>]", re.IGNORECASE), re.compile(rb"<td[\s>]", re.I)
_TABLE = re.compile(rb"<table[\s>]", re.IGNORECASE)

_NESTING = re.compile(
    r"<!--(?:.*?-->|.*)|<(script|style)\b(?:.*?</\1|.*)|<(/?)([a-z][a-z0-9:-]*)",
    re.IGNORECASE | re.DOTALL,
)

DEPTH_LIMIT = 500
"""Pages whose tags nest deeper are no pages."""
HEADING_LIMIT = 1_000
ROW_LIMIT = 2_000
"""Bytes of a heading or table row at most; a longer one is a container that holds blocks."""
_RUN_LIMIT = 800  # a line break ends a run of text that is longer


@dataclass(slots=True)
class Block:
    """A readable piece of source: bytes [start, end), what it is.

    `level` of a heading, 1 to 6; `header` is the index of the block with the header of a row's
    table, or -1.
    """

    start: int
    end: int
    kind: str
    level: int = 0
    header: int = -1


@dataclass(slots=True)
class _Table:
    header: int = -1
    rows: int = 0


@dataclass(slots=True)
class _Exit:
    """On the stack: an element that ends without an end tag."""

    name: str


@dataclass(slots=True)
class _Run:
    """Text being collected, and the tag right before it."""

    start: int = -1
    end: int = -1
    lead: int = -1
    lead_name: str = ""
    breaks: int = 0
    found: list[Block] = field(default_factory=list)

    def text(self, node: Node) -> None:
        if self.start < 0:
            self.start = self.lead if self.lead >= 0 else node.start_byte
        self.end = node.end_byte
        self.breaks = 0

    def inline(self, node: Node, *, closes: bool) -> None:
        if self.start < 0:
            self.lead = self.lead if self.lead >= 0 else node.start_byte
        elif closes:
            self.end = node.end_byte

    def line_break(self, node: Node) -> None:
        self.breaks += 1
        if self.breaks > 1 or self.end - self.start > _RUN_LIMIT:
            self.flush()

    def open(self, name: str, node: Node) -> None:
        self.flush()
        self.lead, self.lead_name = node.start_byte, name

    def close(self, name: str, node: Node | None) -> None:
        if self.start >= 0 and name == self.lead_name and node is not None:
            self.end = node.end_byte
        self.flush()

    def flush(self) -> None:
        if self.start >= 0:
            self.found.append(Block(self.start, self.end, "block"))
        self.start = self.end = self.lead = -1
        self.lead_name = ""
        self.breaks = 0


def too_deep(text: str) -> bool:
    """Whether tags nest deeper than `DEPTH_LIMIT`: the parser's time grows with their depth."""
    stack: list[str] = []
    count: dict[str, int] = {}
    for match in cancellable(_NESTING.finditer(text)):
        if match[3] is None:
            continue
        name = match[3].lower()
        if match[2]:
            if count.get(name, 0):
                while stack:
                    last = stack.pop()
                    count[last] -= 1
                    if last == name:
                        break
        elif name not in _VOID:
            while stack and stack[-1] in _ENDS.get(name, ()):
                count[stack.pop()] -= 1
            stack.append(name)
            count[name] = count.get(name, 0) + 1
            if len(stack) > DEPTH_LIMIT:
                return True
    return False


def html_blocks(tree: SyntaxTree) -> list[Block]:
    """The readable blocks of a page in order; scripts, styles, heads and menus have none."""
    run = _Run()
    tables: list[_Table] = []
    stack: list[Node | _Exit] = [tree.root]
    for node in cancellable(_popped(stack)):
        if isinstance(node, _Exit):
            if node.name == "table" and tables:
                tables.pop()
            if node.name in _BLOCKS:
                run.close(node.name, None)
            continue
        kind = node.type
        if kind in ("text", "entity"):
            run.text(node)
        elif kind in ("element", "script_element", "style_element"):
            _element(tree, node, stack, run, tables)
        elif kind == "end_tag":
            name = _name(tree, node)
            if name == "table" and tables:
                tables.pop()
            if name in _BLOCKS:
                run.close(name, node)
            else:
                run.inline(node, closes=True)
        elif kind in ("document", "ERROR"):
            stack += node.children[::-1]
    run.flush()
    return run.found


def _popped(stack: list[Node | _Exit]) -> Iterator[Node | _Exit]:
    """What is on a stack that grows meanwhile, from its top."""
    while stack:
        yield stack.pop()


def _element(
    tree: SyntaxTree, node: Node, stack: list[Node | _Exit], run: _Run, tables: list[_Table]
) -> None:
    children = node.children
    name = _name(tree, children[0]) if children else ""
    size = node.end_byte - node.start_byte
    if name in _SKIPPED:
        run.flush()
        return
    if name in _VOID:
        if name == "br":
            run.line_break(children[0])
        elif name == "hr":
            run.flush()
        # The grammar may put what follows inside.
        stack += children[:0:-1]
        return
    whole = name == "pre" or (_HEADING.match(name) is not None and size <= HEADING_LIMIT)
    if whole or (name == "tr" and size <= ROW_LIMIT):
        source = tree.source(node)
        if whole or not _TABLE.search(source):
            run.flush()
            if _has_text(node):
                run.found.append(_whole(node, name, source, tables, len(run.found)))
            return
    if name == "table":
        tables.append(_Table())
    if name in _BLOCKS:
        run.open(name, children[0])
    elif children:
        run.inline(children[0], closes=False)
    if not children or children[-1].type != "end_tag":
        stack.append(_Exit(name))
    stack += children[:0:-1]


def _whole(node: Node, name: str, source: bytes, tables: list[_Table], index: int) -> Block:
    if name == "pre":
        return Block(node.start_byte, node.end_byte, "block")
    if name != "tr":
        return Block(node.start_byte, node.end_byte, "heading", level=int(name[1]))
    table = tables[-1] if tables else _Table()
    table.rows += 1
    if table.rows == 1 and _HEADER_CELL.search(source) and not _CELL.search(source):
        table.header = index
        return Block(node.start_byte, node.end_byte, "header")
    return Block(node.start_byte, node.end_byte, "row", header=table.header)


def _has_text(node: Node) -> bool:
    stack = [node]
    while stack:
        inner = stack.pop()
        if inner.type in ("text", "entity"):
            return True
        if inner.type not in ("script_element", "style_element"):
            stack += inner.named_children
    return False


def _name(tree: SyntaxTree, tag: Node) -> str:
    found = next((child for child in tag.named_children if child.type == "tag_name"), None)
    return tree.source(found).decode("utf-8", "replace").lower() if found else ""
