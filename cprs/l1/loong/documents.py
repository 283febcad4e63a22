"""Loong's documents, as its archive keeps them: `financial/*.txt`, `paper/*.md`, and all court
rulings in `legal/legal.json`.

Some questions on rulings give the verdicts and ask which ruling each belongs to. The released
loader means to leave the verdicts out of those rulings, but looks for the words that tell where
they never are, so that each ruling ends with the answer. Here they are left out, unless `compat`
asks for what the published figures were made with.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from cprs.errors import TextError
from cprs.l1.loong.task import Task

GIVEN_VERDICTS = "我将给你若干份判决结果"
"""Words of the questions that give verdicts to be matched."""


def gives_verdicts(task: Task, *, compat: bool = False) -> bool:
    """Whether a question gives verdicts, so that rulings must not show theirs; with `compat`,
    whether the released loader sees that it does."""
    if task.kind != "legal" or task.level != 4:
        return False
    where = task.instruction if compat else task.instruction + task.question
    return GIVEN_VERDICTS in where


class Documents:
    """The documents below `folder`, which holds the three kinds' folders."""

    def __init__(self, folder: Path, *, compat: bool = False) -> None:
        if not folder.is_dir():
            raise TextError(f"{folder}: no folder; Loong's documents are apart from its repository")
        self._folder = folder
        self._compat = compat

    def of(self, task: Task) -> list[str]:
        """Each document of a task under its heading, in the row's order. Raises `TextError`,
        naming it, for one that is not there."""
        read = {"financial": self._report, "paper": self._paper, "legal": self._ruling}[task.kind]
        return [read(task, name, number) for number, name in enumerate(task.docs, 1)]

    def _report(self, task: Task, name: str, number: int) -> str:
        # All but the chains over years are about one year's reports.
        part = name if task.level == 4 else f"2024-{name}"
        found = [path for path in self._reports if part in path.name]
        if not found:
            raise TextError(f"{self._folder / 'financial'}: no report {part!r} (row {task.id})")
        # A company's name may begin another's: the closest is meant.
        path = min(found, key=lambda path: (len(path.name), path.name))
        heading = path.stem.split("-")[-1]
        return f"《{heading}》\n{_text(path)}\n\n"

    def _paper(self, task: Task, name: str, number: int) -> str:
        text = _text(self._folder / "paper" / name)
        title = text.partition("\n")[0].strip("#").strip()
        return f"{title}\n{text}\n\n"

    def _ruling(self, task: Task, name: str, number: int) -> str:
        ruling = self._rulings.get(name)
        if not isinstance(ruling, dict) or "content" not in ruling:
            raise TextError(f"{self._folder}/legal/legal.json: no ruling {name!r} (row {task.id})")
        hidden = gives_verdicts(task, compat=self._compat)
        text = str(ruling["content"]) + ("" if hidden else str(ruling.get("result", "")))
        return f"《判决文书{number}》\n{text}\n\n"

    @cached_property
    def _reports(self) -> list[Path]:
        return sorted((self._folder / "financial").glob("*.txt"))

    @cached_property
    def _rulings(self) -> dict[str, Any]:
        path = self._folder / "legal" / "legal.json"
        try:
            found = json.loads(_text(path))
        except ValueError as error:
            raise TextError(f"{path}: not JSON: {error}") from error
        if not isinstance(found, dict):
            raise TextError(f"{path}: not a JSON object of rulings")
        return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path}: cannot be read: {error}") from error
