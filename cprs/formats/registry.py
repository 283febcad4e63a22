"""The formats there are. Adding one: a module like `text.py`, and a line here."""

from __future__ import annotations

from pathlib import PurePath

from cprs.errors import unknown
from cprs.formats.base import Format
from cprs.formats.chat import ChatFormat
from cprs.formats.code import CODE
from cprs.formats.html import HtmlFormat
from cprs.formats.json_format import JsonFormat
from cprs.formats.jsonl_format import JsonlFormat
from cprs.formats.logs import LogFormat
from cprs.formats.markdown import MarkdownFormat
from cprs.formats.numbered import NumberedFormat
from cprs.formats.tables import CSV, TSV
from cprs.formats.text import TextFormat

TEXT = TextFormat()

# Grammars are loaded when a text of theirs is first cut, so this list costs little.
FORMATS: tuple[Format, ...] = (
    TEXT,
    MarkdownFormat(),
    LogFormat(),
    ChatFormat(),
    JsonFormat(),
    JsonlFormat(),
    CSV,
    TSV,
    HtmlFormat(),
    NumberedFormat(),
    *CODE,
)

_ALIASES = {
    "txt": "text",
    "plain": "text",
    "prose": "text",
    "md": "markdown",
    "logs": "log",
    "transcript": "chat",
    "dialogue": "chat",
    "ndjson": "jsonl",
    "py": "python",
    "js": "javascript",
    "ts": "typescript",
    "c++": "cpp",
    "rs": "rust",
    "golang": "go",
    "htm": "html",
}


def known_formats() -> tuple[str, ...]:
    """Names that `format=` takes."""
    return tuple(each.name for each in FORMATS)


def find(name: str) -> Format:
    """The format of that name, or of another usual one ("md"). Raises `OptionError`."""
    wanted = name.strip().lower()
    wanted = _ALIASES.get(wanted, wanted)
    for each in FORMATS:
        if each.name == wanted:
            return each
    raise unknown("format", name, known_formats())


def known_granularities(format: str) -> tuple[str, ...]:
    """The granularities of a format, its default first. Raises `OptionError`."""
    return find(format).granularities


def by_extension(filename: str) -> str | None:
    """The format that a file's ending names, or None.

    >>> by_extension("notes/README.md")
    'markdown'
    """
    ending = PurePath(filename).suffix.lower()
    return next((each.name for each in FORMATS if ending and ending in each.extensions), None)
