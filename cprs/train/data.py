"""Question sets with gold evidence: one document a line, in JSON, plain or gzipped.

`{"id", "domain", "lang", "text", "qas": [{"q", "a": [...], "ev": [[start, end], ...], "lvl"}]}`:
offsets are code points into `text`, `ev: []` says that nothing in this text answers, and
`"context": "alone" | "joined"` may say how the document is to be asked (see `contexts`). A set
is called as its file is, without the ending.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cprs.errors import OptionError, TextError

ENDINGS = (".jsonl", ".jsonl.gz")
_UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error)
UNKNOWN_EVIDENCE = "answer-only"
"""The level of a question whose evidence nobody has marked; an empty list says nothing there."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one text and the code points [start, end) of it that answer.

    `level` says how fine the evidence is marked (sentence, turn, section, line, ...).
    """

    text: str
    evidence: tuple[tuple[int, int], ...]
    answers: tuple[str, ...] = ()
    level: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A text and the questions asked about it. `context` is "alone", "joined" or "" (unsaid)."""

    id: str
    source: str
    text: str
    questions: tuple[Question, ...]
    language: str = "en"
    domain: str = ""
    context: str = ""


def is_english(language: str) -> bool:
    """Whether a set counts as English: not another language's two-letter code. Programs and logs
    ("python", "log") do."""
    code = language.split("-")[0].lower()
    return len(code) != 2 or code == "en"


def find_sources(directory: Path) -> dict[str, Path]:
    """The question sets of a folder, by name (the file's name without its ending), sorted.

    `directory` holds the files itself, or in `dev/` or `critic/dev/`. Raises `OptionError` where
    there are none.
    """
    for folder in (directory, directory / "dev", directory / "critic" / "dev"):
        if folder.is_dir():
            found = {
                path.name.split(".")[0]: path
                for path in sorted(folder.iterdir())
                if path.name.endswith(ENDINGS)
            }
            if found:
                return found
    raise OptionError(f"{directory}: no question sets here (*.jsonl or *.jsonl.gz)")


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of one file, in order. Raises `TextError` naming file and line."""
    number = 0
    with _lines(path) as lines:
        try:
            for line in lines:
                number += 1
                if line.strip():
                    yield _document(json.loads(line), path)
        except _UNREADABLE as error:
            raise TextError(f"{path}:{number + 1}: cannot be read: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            what = f"missing {error}" if isinstance(error, KeyError) else str(error)
            raise TextError(f"{path}:{number}: not a question set's line: {what}") from error


def read_text(path: Path) -> str:
    """A text file, plain or gzipped. Raises `TextError` naming the file."""
    try:
        with _lines(path) as lines:
            return lines.read()
    except _UNREADABLE as error:
        raise TextError(f"{path}: cannot be read: {error}") from error


def _lines(path: Path) -> IO[str]:
    # newline="": a \r\n inside a text must not shrink, or every offset after it is wrong.
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8", newline="")
        return path.open(encoding="utf-8", newline="")
    except OSError as error:
        raise TextError(f"{path}: cannot be read: {error}") from error


def _document(row: dict[str, Any], path: Path) -> Document:
    text = row["text"]
    if not isinstance(text, str):
        raise ValueError("'text' is not a string")
    context = row.get("context", "")
    if context not in ("", "alone", "joined"):
        raise ValueError(f"'context' is {context!r}, not 'alone' or 'joined'")
    return Document(
        id=str(row["id"]),
        source=path.name.split(".")[0],
        text=text,
        questions=tuple(_question(qa, len(text)) for qa in row["qas"]),
        language=str(row.get("lang", "en")),
        domain=str(row.get("domain", "")),
        context=context,
    )


def _question(row: dict[str, Any], length: int) -> Question:
    evidence = sorted((int(start), int(end)) for start, end in row["ev"])
    for start, end in evidence:
        if not 0 <= start < end <= length:
            raise ValueError(f"evidence [{start}, {end}] lies outside the text of {length}")
    if not str(row["q"]).strip():
        raise ValueError("'q' is empty")
    return Question(
        text=str(row["q"]),
        evidence=tuple(evidence),
        answers=tuple(str(answer) for answer in row.get("a") or ()),
        level=str(row.get("lvl", "")),
    )
