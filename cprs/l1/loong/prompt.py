"""Loong's prompts: documents in some order, as many as fit, in the row's own template."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cprs.l1.loong.documents import Documents
from cprs.l1.loong.task import Task

SEED = 1_000_000_007
"""The released loader's."""
_SLOT = re.compile(r"\{(docs|instruction|question)\}")


@dataclass(slots=True)
class LoongPrompts:
    """Rows into prompts.

    Documents come in an order drawn by `seed` and the row's id: the same whatever rows are asked
    beside it (with `compat`, drawn one after the other in the order of the rows, as released). At
    most `limit` tokens by `count`, 0 for any number: a document that does not fit is left out
    whole, and a later, smaller one may still go in. `left_out` counts documents by row.
    """

    documents: Documents
    limit: int = 0
    count: Callable[[str], int] = len
    seed: int = SEED
    compat: bool = False
    left_out: dict[str, int] = field(default_factory=dict)

    def of(self, tasks: Sequence[Task]) -> list[str]:
        """A prompt for each row. Raises `TextError` for documents that are not there."""
        shared = random.Random(self.seed)
        return [
            self._one(task, shared if self.compat else random.Random(f"{self.seed} {task.id}"))
            for task in tasks
        ]

    def _one(self, task: Task, chance: random.Random) -> str:
        texts = self.documents.of(task)
        # Twice for reports, as released: which of them fit is drawn too.
        if task.shuffle and task.kind == "financial":
            chance.shuffle(texts)
        if self.limit:
            texts = self._fitting(task, texts)
        if task.shuffle:
            chance.shuffle(texts)
        return fill(task, "".join(texts))

    def _fitting(self, task: Task, texts: Sequence[str]) -> list[str]:
        used, kept = self.count(fill(task, "")), []
        for text in texts:
            size = self.count(text)
            if used + size <= self.limit:
                kept.append(text)
                used += size
        if len(kept) < len(texts):
            self.left_out[task.id] = len(texts) - len(kept)
        return kept


def fill(task: Task, docs: str) -> str:
    """The row's template with its slots filled, each once: what fills one is not searched for
    others."""
    said = {"docs": docs, "instruction": task.instruction, "question": task.question}
    return _SLOT.sub(lambda slot: said[slot[1]], task.template)
