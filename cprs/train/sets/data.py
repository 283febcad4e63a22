"""Question sets with gold evidence: one document a line, in JSON, plain or gzipped.

`{"id", "domain", "lang", "text", "qas": [{"q", "a": [...], "ev": [[start, end], ...], "lvl"}]}`:
offsets are code points into `text`, `ev: []` says that nothing in this text answers, and
`"context": "alone" | "joined" | "whole"` may say how the document is to be asked (see
`contexts`). A set is called as its file is, without the ending.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cprs.errors import OptionError, TextError
from cprs.guidance import Guidance

ENDINGS = (".jsonl", ".jsonl.gz")
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error)
"""What reading a file, plain or gzipped, may raise."""
UNKNOWN_EVIDENCE = "answer-only"
"""The level of a question whose evidence nobody has marked; an empty list says nothing there."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one text and the code points [start, end) of it that answer.

    `level` says how fine the evidence is marked (sentence, turn, section, line, ...).
    `instruction` says how to look, and `labels` what each evidence span is to be called, one for
    each or none. Where an instruction stands alone, `text` repeats it.
    """

    text: str
    evidence: tuple[tuple[int, int], ...]
    answers: tuple[str, ...] = ()
    level: str = ""
    instruction: str = ""
    labels: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """The question proper: empty where the instruction stands alone."""
        return "" if self.text == self.instruction else self.text

    def guidance(self) -> Guidance:
        """What a critic is told: instruction, query, and the labels named by either."""
        told = Guidance.parse(self.instruction, self.query)
        if self.labels and not told.labels:
            told = replace(told, labels=tuple(dict.fromkeys(self.labels)))
        return told


@dataclass(frozen=True, slots=True)
class Document:
    """A text and the questions asked about it. `context` is "alone", "joined", "whole" or ""
    (unsaid)."""

    id: str
    source: str
    text: str
    questions: tuple[Question, ...]
    language: str = "en"
    domain: str = ""
    context: str = ""


def evidence_in(
    start: NDArray[np.int64], end: NDArray[np.int64], evidence: Sequence[tuple[int, int]]
) -> NDArray[np.int64]:
    """Code points (n,) of `evidence` in each of n pieces of text [start, end)."""
    found = np.zeros(len(start), np.int64)
    for a, b in evidence:
        found += np.clip(np.minimum(end, b) - np.maximum(start, a), 0, None)
    return found


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
    with open_text(path) as lines:
        try:
            for line in lines:
                number += 1
                if line.strip():
                    yield _document(json.loads(line), path)
        except UNREADABLE as error:
            raise TextError(f"{path}:{number + 1}: cannot be read: {error}") from error
        except RecursionError:
            raise TextError(f"{path}:{number}: nested too deeply") from None
        except (ValueError, KeyError, TypeError) as error:
            what = f"missing {error}" if isinstance(error, KeyError) else str(error)
            raise TextError(f"{path}:{number}: not a question set's line: {what}") from error


def read_text(path: Path) -> str:
    """A text file, plain or gzipped. Raises `TextError` naming the file."""
    try:
        with open_text(path) as lines:
            return lines.read()
    except UNREADABLE as error:
        raise TextError(f"{path}: cannot be read: {error}") from error


def open_text(path: Path) -> IO[str]:
    """Open a text file, plain or gzipped, line ends untouched. Raises `TextError`."""
    # newline="": a \r\n inside a text must not shrink, or every offset after it is wrong.
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8", newline="")
        return path.open(encoding="utf-8", newline="")
    except OSError as error:
        raise TextError(f"{path}: cannot be read: {error.strerror or error}") from error


def _document(row: dict[str, Any], path: Path) -> Document:
    text = row["text"]
    if not isinstance(text, str):
        raise ValueError("'text' is not a string")
    context = row.get("context", "")
    if context not in ("", "alone", "joined", "whole"):
        raise ValueError(f"'context' is {context!r}, not 'alone', 'joined' or 'whole'")
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
    spans = [(int(start), int(end)) for start, end in row["ev"]]
    labels = [str(label) for label in row.get("labels") or ()]
    for start, end in spans:
        if not 0 <= start < end <= length:
            raise ValueError(f"evidence [{start}, {end}] lies outside the text of {length}")
    if labels and len(labels) != len(spans):
        raise ValueError(f"{len(labels)} 'labels' for {len(spans)} evidence spans")
    instruction = str(row.get("instruction") or "").strip()
    text = str(row.get("q") or "") if instruction else str(row["q"])
    if not text.strip() and not instruction:
        raise ValueError("'q' is empty")
    order = sorted(range(len(spans)), key=lambda i: spans[i])
    return Question(
        text=text if text.strip() else instruction,
        evidence=tuple(spans[i] for i in order),
        answers=tuple(str(answer) for answer in row.get("a") or ()),
        level=str(row.get("lvl", "")),
        instruction=instruction,
        labels=tuple(labels[i] for i in order) if labels else (),
    )
