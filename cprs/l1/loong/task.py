"""Loong's questions, as github.com/MozerWang/Loong keeps them in `data/loong.jsonl`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cprs.errors import TextError, unknown
from cprs.l1.jsonl import read_objects

LEVELS: Mapping[int, str] = {
    1: "Spotlight Locating",
    2: "Comparison",
    3: "Clustering",
    4: "Chain of Reasoning",
}
"""The four tasks."""
SETS: Mapping[int, str] = {1: "10K-50K", 2: "50K-100K", 3: "100K-200K", 4: "200K+"}
"""The four sets, by tokens. The longest is labelled to 250K, and holds rows of 336K."""
KINDS = ("financial", "legal", "paper")


@dataclass(frozen=True, slots=True)
class Task:
    """A row. `template` has slots {docs}, {instruction} and {question}; `docs` are names of
    documents; `answer` is a text, a list or an object; `shuffle` says that the order of documents
    does not matter. `raw` is the row as it was."""

    id: str
    level: int
    set: int
    kind: str
    language: str
    length: int
    question: str
    instruction: str
    template: str
    docs: tuple[str, ...]
    answer: Any
    shuffle: bool
    raw: Mapping[str, Any]


def read_tasks(
    path: Path, *, levels: Collection[int] = (), sets: Collection[int] = ()
) -> list[Task]:
    """The rows of a file, of these levels and sets if any are named; `path` may also be the
    repository's folder. Raises `TextError`, naming the line, for what is no row, and where there
    is none."""
    file = path / "data" / "loong.jsonl" if path.is_dir() else path
    found: list[Task] = []
    for where, row in read_objects(file):
        task = _task(row, where)
        if (not levels or task.level in levels) and (not sets or task.set in sets):
            found.append(task)
    if not found:
        raise TextError(f"{file}: holds no row of Loong of these levels and sets")
    return found


def _task(row: dict[str, Any], where: str) -> Task:
    try:
        level, set_ = int(row["level"]), int(row["set"])
        task = Task(
            id=str(row["id"]),
            level=level,
            set=set_,
            kind=row["type"],
            language=str(row.get("language", "")),
            length=int(row.get("length") or 0),
            question=row["question"],
            instruction=row["instruction"],
            template=row["prompt_template"],
            docs=tuple(str(name) for name in row["doc"]),
            answer=row["answer"],
            shuffle=bool(row.get("shuffle_doc", True)),
            raw=row,
        )
    except KeyError as error:
        raise TextError(f"{where}: no row of Loong: needs {error.args[0]!r}") from error
    except (TypeError, ValueError) as error:
        raise TextError(f"{where}: no row of Loong: {error}") from error
    if task.kind not in KINDS:
        raise TextError(f"{where}: {unknown('type', str(task.kind), KINDS)}")
    if level not in LEVELS or set_ not in SETS:
        raise TextError(f"{where}: level and set are from 1 to 4, got {level} and {set_}")
    if not all(isinstance(text, str) for text in (task.question, task.instruction, task.template)):
        raise TextError(f"{where}: question, instruction and prompt_template must be texts")
    return task
