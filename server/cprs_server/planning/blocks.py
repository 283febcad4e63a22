"""Parts of a message that its writer set apart: tags, fences, quoted lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

LEAST = 160
"""Code points from which on a block counts as a document."""

ASKED = 20_000
"""Code points up to which a block asks: a longer "prompt" holds its documents too."""

_ASKS = "question|query|user_query|user_question|task|instruction|instructions|ask|prompt|request"
_HOLDS = (
    "document|documents|doc|docs|context|text|article|articles|passage|passages|file|files|"
    "file_content|file_contents|source|sources|transcript|email|emails|data|content|contents|input|"
    "book|chapter|report|paper|log|logs|code|page|web_page|webpage|search_results|search_result|"
    "result|results|knowledge|knowledge_base|reference|references|material|excerpt|excerpts|quote|"
    "story|contract|conversation|history|chunk|chunks|attachment|attachments|document_content|"
    "background|information|info|notes|thread|meeting|manual|policy|json|csv|xml|dataset|repository|"
    "repo|diff|patch|snippet|snippets|retrieved_context|retrieved_documents|filing|agreement"
)
_OPEN = re.compile(
    rf"<(?P<name>{_HOLDS}|{_ASKS})(?:\s[^<>]{{0,400}})?>|"
    rf"^[ \t]*<(?P<own>[A-Za-z][\w.-]{{2,40}})>[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ASKING = re.compile(rf"(?:{_ASKS})\Z", re.IGNORECASE)
_HTML = re.compile(r"<(?:!doctype|html|head|body|div|svg|\?xml)\b", re.IGNORECASE)
_FENCE = re.compile(r'^[ \t]{0,3}(`{3,}|~{3,}|"{3}|\'{3})', re.MULTILINE)
_FENCES = ("```", "~~~", '"""', "'''")
_QUOTED = re.compile(r"(?:^[ \t]{0,3}>[^\n]*(?:\n|\Z)){4,}", re.MULTILINE)
_TRIES = 2_000
_MANY = 200_000  # signs and fences above which a text is data of some kind, not a marked prompt


@dataclass(frozen=True, slots=True)
class Block:
    """What is set apart: its content [start, end), with its marks [outer, after). `asks`: its
    name says that it holds the question."""

    start: int
    end: int
    outer: int
    after: int
    asks: bool = False


def blocks(text: str) -> list[Block]:
    """The outermost blocks of a text, in order, none overlapping another. Linear."""
    found: list[Block] = []
    for block in sorted((*_tags(text), *_fences(text), *_quotes(text)), key=lambda b: b.outer):
        if not found or block.outer >= found[-1].after:
            found.append(block)
    return found


def _tags(text: str) -> Iterator[Block]:
    if not 0 < text.count("<") <= _MANY or _HTML.match(text[:400].lstrip()):
        return
    at, missing = 0, set[str]()
    for _ in range(_TRIES):
        opened = _OPEN.search(text, at)
        if opened is None:
            return
        at = opened.end()
        name = opened["name"] or opened["own"]
        if name in missing:
            continue
        end = text.find(f"</{name}", at)
        after = text.find(">", end) + 1 if end >= 0 else 0
        if not after:
            # Looked for to the end of the text once: not again.
            missing.add(name)
            continue
        asks = bool(_ASKING.match(name))
        if asks and (end - at > ASKED or _holds(text, at, end)):
            continue
        if asks or end - at >= LEAST:
            yield Block(at, end, opened.start(), after, asks)
            at = after


def _holds(text: str, start: int, end: int) -> bool:
    """Whether tags in a range hold documents."""
    return any(
        opened["name"] and not _ASKING.match(opened["name"])
        for opened in _OPEN.finditer(text, start, end)
    )


def _fences(text: str) -> Iterator[Block]:
    if not any(mark in text for mark in _FENCES):
        return
    opened: re.Match[str] | None = None
    for match in islice(_FENCE.finditer(text), _TRIES):
        line = text.find("\n", match.end())
        line = len(text) if line < 0 else line
        if opened is None:
            opened = match
        elif match[1].startswith(opened[1]) and not text[match.end() : line].strip("`~\"' \t\r"):
            start = text.find("\n", opened.end()) + 1
            # What opens on a line of prose (\"\"\"text) begins right after the marks.
            if opened[1][0] in "\"'":
                start = opened.end()
            if match.start() - start >= LEAST:
                yield Block(start, match.start(), opened.start(), match.end())
            opened = None


def _quotes(text: str) -> Iterator[Block]:
    for match in _QUOTED.finditer(text) if "\n>" in text else ():
        if len(match[0]) >= LEAST:
            yield Block(match.start(), match.end(), match.start(), match.end())
