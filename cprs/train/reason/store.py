"""Samples on disk, whatever is given in them: arrays by window, by question, and by sample, written
once and read through memory maps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from cprs.errors import OptionError, TextError
from cprs.train.reason.ragged import Ragged, RaggedWriter
from cprs.train.reason.targets import Targets

INDEX = "index.json"
FORMAT = 3


class Asked(Protocol):
    """What is given of one window: its passages `units` (u, 2), and L labels."""

    @property
    def units(self) -> NDArray[np.integer[Any]]: ...
    @property
    def labels(self) -> NDArray[Any]: ...


G = TypeVar("G", bound=Asked)
G_co = TypeVar("G_co", bound=Asked, covariant=True)


@dataclass(frozen=True, slots=True)
class Judged(Generic[G_co]):
    """What is given, and what should be said of it: `tags`, `called` (t,), its labels, and `target`
    (u,) as in `Targets`; `weight` (u,): how many passages of the context each stands for, 0 where
    its target is not known. `question`: its number; `coarse`: its evidence is marked coarsely."""

    given: G_co
    tags: NDArray[np.int8]
    called: NDArray[np.int8]
    target: NDArray[np.float32]
    weight: NDArray[np.float32]
    question: int
    coarse: bool


Kinds = Mapping[str, tuple[str, tuple[int, ...]]]
"""Dtype and tail of arrays by name."""

_JUDGED: Kinds = {
    "tags": ("int8", ()),
    "called": ("int8", ()),
    "target": ("float32", ()),
    "weight": ("float32", ()),
    "samples": ("int64", ()),
}


class Store:
    """The arrays in `folder`: `kinds` are those of what is given.

    `about` is what was said of them when they were written, `questions` the samples' numbers by
    question, `sources` the name of each question's set, which is the folder's. Raises `TextError`
    where something is missing or broken.
    """

    def __init__(self, folder: Path, kinds: Kinds) -> None:
        self.about = read_index(folder)
        self.name = folder.name
        every = {**kinds, **_JUDGED}
        self.arrays = {name: Ragged(folder, name, *kind) for name, kind in every.items()}
        count = len(self.arrays["samples"])
        self._table = np.array([self.arrays["samples"][i] for i in range(count)]).reshape(-1, 3)
        order = np.argsort(self._table[:, 1], kind="stable")
        ends = np.flatnonzero(np.diff(self._table[order, 1])) + 1
        self.questions: list[list[int]] = [
            part.tolist() for part in np.split(order, ends) if len(part)
        ]
        self.sources = [self.name] * len(self.questions)

    def __len__(self) -> int:
        return len(self._table)

    def place(self, number: int) -> tuple[int, int]:
        """The numbers of a sample's window and question."""
        window, question, _ = self._table[number].tolist()
        return window, question

    def judged(self, number: int, given: G) -> Judged[G]:
        """A sample of which this is given."""
        _, question, coarse = self._table[number].tolist()
        said = {name: self.arrays[name][number] for name in _JUDGED if name != "samples"}
        return Judged(given=given, question=question, coarse=bool(coarse), **said)


W = TypeVar("W", bound="StoreWriter")


class StoreWriter:
    """Writes a `Store`: windows and questions first, then samples of the two. A context manager:
    what ends with an error is no data set."""

    def __init__(self, folder: Path, about: Mapping[str, Any], kinds: Kinds) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / INDEX).unlink(missing_ok=True)
        self._folder = folder
        self._about = {"format": FORMAT, **about}
        self._open = ExitStack()
        self.arrays = {
            name: self._open.enter_context(RaggedWriter(folder, name, *kind))
            for name, kind in {**kinds, **_JUDGED}.items()
        }

    def judge(
        self, window: int, question: int, targets: Targets, *, stands_for: float, coarse: bool
    ) -> int:
        """Keep what should be said of one window under one question, which stands for so many;
        returns the sample's number."""
        self.arrays["tags"].append(targets.tags)
        self.arrays["called"].append(targets.labels)
        self.arrays["target"].append(targets.passages)
        self.arrays["weight"].append(stands_for * targets.known)
        return self.arrays["samples"].append(np.array([window, question, coarse]))

    def __enter__(self: W) -> W:
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


def read_index(folder: Path) -> dict[str, Any]:
    """What was said of the data set in `folder`. Raises `TextError` where there is none."""
    try:
        about: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TextError(f"{folder}: no prepared data here: {error}") from error
    if about.get("format") != FORMAT:
        raise OptionError(f"{folder}: prepared by another version of cprs; remove the folder")
    return about
