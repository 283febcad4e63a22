"""Question sets into files, in the format `data` reads."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from cprs.errors import CprsError, OptionError
from cprs.staging import stage
from cprs.train.sets.data import ENDINGS, Document, Question


def write_documents(path: Path, documents: Iterable[Document]) -> tuple[int, int]:
    """Write one document a line, gzipped where `path` ends in .gz. Returns (documents, questions).

    Streams: one document is in memory at a time. The file appears whole or not at all, and the
    same documents give the same bytes. Raises `OptionError` for a name that is not a question
    set's, `CprsError` naming the file when it cannot be written.
    """
    if not path.name.endswith(ENDINGS):
        raise OptionError(f"{path}: a question set is called NAME.jsonl or NAME.jsonl.gz")
    counts = 0, 0

    def fill(raw: IO[bytes]) -> None:
        nonlocal counts
        counts = _write(raw, documents, packed=path.suffix == ".gz")

    staged = ""
    try:
        staged = stage(str(path), fill)
        os.replace(staged, path)
    except OSError as error:
        raise CprsError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if staged and os.path.exists(staged):
            os.unlink(staged)
    return counts


def to_row(document: Document) -> dict[str, Any]:
    """A document as the JSON object of its line; what is unsaid is left out."""
    row: dict[str, Any] = {
        "id": document.id,
        "src": document.source,
        "domain": document.domain,
        "lang": document.language,
        "text": document.text,
        "qas": [_asked(question) for question in document.questions],
    }
    if document.context:
        row["context"] = document.context
    return row


def _asked(question: Question) -> dict[str, Any]:
    row: dict[str, Any] = {
        "q": question.query,
        "a": list(question.answers),
        "ev": [list(span) for span in question.evidence],
        "lvl": question.level,
    }
    if question.instruction:
        row["instruction"] = question.instruction
    if question.labels:
        row["labels"] = list(question.labels)
    return row


def _write(raw: IO[bytes], documents: Iterable[Document], *, packed: bool) -> tuple[int, int]:
    count = asked = 0
    with ExitStack() as stack:
        file: Any = raw
        if packed:
            # Neither the time nor the temporary name may get into the bytes.
            file = stack.enter_context(
                gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0)
            )
        for document in documents:
            file.write(_encoded(to_row(document)))
            count, asked = count + 1, asked + len(document.questions)
    return count, asked


def _encoded(row: dict[str, Any]) -> bytes:
    try:
        return (json.dumps(row, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # half a surrogate pair, as some public files have
        return (json.dumps(row) + "\n").encode()
