"""A hybrid's training windows on disk: token ids and what should be said of them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.train.hybrid.prompt import RolesPrompt
from cprs.train.reason.dataset import FORMAT, INDEX, read_index
from cprs.train.reason.ragged import Ragged, RaggedWriter
from cprs.train.reason.targets import Targets
from cprs.windows import Window

KIND = "hybrid"


@dataclass(frozen=True, slots=True)
class Given:
    """One window of t tokens and u passages under one question: `prompt` (p,), `ids` (t,),
    `units` (u, 2), `rows` (1 + L,) as in `RolesPrompt`."""

    prompt: NDArray[np.int32]
    ids: NDArray[np.int32]
    units: NDArray[np.integer[Any]]
    rows: NDArray[np.int64]

    @property
    def labels(self) -> NDArray[np.int64]:
        """The rows (L,) of the labels alone."""
        return self.rows[1:]


@dataclass(frozen=True, slots=True)
class Sample:
    """What is given, and what should be said of it: as in `cprs.train.reason.dataset.Sample`."""

    given: Given
    tags: NDArray[np.int8]
    called: NDArray[np.int8]
    target: NDArray[np.float32]
    weight: NDArray[np.float32]
    question: int
    coarse: bool


class Dataset:
    """The samples in `folder`, by number, and which belong to which question.

    `about` is what was said of them when they were written. Raises `TextError` where they are
    missing or broken.
    """

    def __init__(self, folder: Path) -> None:
        self.about = read_index(folder)
        self._arrays = {name: Ragged(folder, name, *kind) for name, kind in _KINDS.items()}
        count = len(self._arrays["samples"])
        self._table = np.array([self._arrays["samples"][i] for i in range(count)]).reshape(-1, 3)
        order = np.argsort(self._table[:, 1], kind="stable")
        ends = np.flatnonzero(np.diff(self._table[order, 1])) + 1
        self.questions: list[list[int]] = [
            part.tolist() for part in np.split(order, ends) if len(part)
        ]
        self.sources = [""] * len(self.questions)

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, number: int) -> Sample:
        window, question, coarse = self._table[number].tolist()
        arrays = self._arrays
        return Sample(
            given=Given(
                prompt=arrays["prompts"][question],
                ids=arrays["ids"][window],
                units=arrays["units"][window],
                rows=arrays["rows"][question],
            ),
            tags=arrays["tags"][number],
            called=arrays["called"][number],
            target=arrays["target"][number],
            weight=arrays["weight"][number],
            question=question,
            coarse=bool(coarse),
        )


class DatasetWriter:
    """Writes a `Dataset`: windows and questions first, then samples of the two. A context
    manager: what ends with an error is no data set."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / INDEX).unlink(missing_ok=True)
        self._folder = folder
        self._about = {"format": FORMAT, "kind": KIND, **about}
        self._open = ExitStack()
        self._arrays = {
            name: self._open.enter_context(RaggedWriter(folder, name, *kind))
            for name, kind in _KINDS.items()
        }

    def window(self, window: Window) -> int:
        """Keep a window; returns its number."""
        self._arrays["units"].append(window.units)
        return self._arrays["ids"].append(window.token_ids)

    def question(self, prompt: RolesPrompt) -> int:
        """Keep a question; returns its number."""
        self._arrays["rows"].append(prompt.rows)
        return self._arrays["prompts"].append(prompt.ids)

    def sample(
        self, window: int, question: int, targets: Targets, *, stands_for: float, coarse: bool
    ) -> int:
        """Keep one window under one question; returns its number."""
        self._arrays["tags"].append(targets.tags)
        self._arrays["called"].append(targets.labels)
        self._arrays["target"].append(targets.passages)
        self._arrays["weight"].append(stands_for * targets.known)
        return self._arrays["samples"].append(np.array([window, question, coarse]))

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)
        if kind is None:
            text = json.dumps(self._about, indent=2) + "\n"
            (self._folder / INDEX).write_text(text, encoding="utf-8")


_KINDS: dict[str, tuple[str, tuple[int, ...]]] = {
    "ids": ("int32", ()),
    "units": ("int32", (2,)),
    "prompts": ("int32", ()),
    "rows": ("int64", ()),
    "tags": ("int8", ()),
    "called": ("int8", ()),
    "target": ("float32", ()),
    "weight": ("float32", ()),
    "samples": ("int64", ()),
}
"""Dtype and tail of every array: by window, by question, then by sample."""
