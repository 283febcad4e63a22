"""Training windows on disk: written once, read through memory maps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import State
from cprs.critics.inquiry import Prompt, Reading
from cprs.critics.layers import Given
from cprs.critics.packing import pack, unpack
from cprs.errors import OptionError, TextError
from cprs.train.reason.ragged import Ragged, RaggedWriter
from cprs.train.reason.targets import Targets

Floats = NDArray[np.float32]

INDEX = "index.json"
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """What is given, and what should be said of it: `tags`, `called` (t,), its labels, and
    `target` (u,) as in `Targets`; `weight` (u,): how many passages of the context each stands
    for, 0 where its target is not known. `question`: its number; `coarse`: its evidence is marked
    coarsely."""

    given: Given
    tags: NDArray[np.int8]
    called: NDArray[np.int8]
    target: Floats
    weight: Floats
    question: int
    coarse: bool


class Dataset:
    """The samples in `folder`, by number, and which belong to which question.

    `about` is what was said of them when they were written. Raises `TextError` where they are
    missing or broken.
    """

    def __init__(self, folder: Path) -> None:
        self.about = read_index(folder)
        self.name = folder.name
        self.width = int(self.about["width"])
        self.features = int(self.about["features"])
        self.passage_features = int(self.about["passage_features"])
        kinds = _kinds(self.width, self.features, self.passage_features)
        self._arrays = {name: Ragged(folder, name, *kind) for name, kind in kinds.items()}
        count = len(self._arrays["samples"])
        self._table = np.array([self._arrays["samples"][i] for i in range(count)]).reshape(-1, 3)
        order = np.argsort(self._table[:, 1], kind="stable")
        ends = np.flatnonzero(np.diff(self._table[order, 1])) + 1
        self.questions: list[list[int]] = [
            part.tolist() for part in np.split(order, ends) if len(part)
        ]
        self.sources = [self.name] * len(self.questions)

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, number: int) -> Sample:
        window, question, coarse = self._table[number].tolist()
        arrays = self._arrays

        def of(name: str, at: int) -> Floats:
            return arrays[name][at].astype(np.float32)

        prompt = arrays["prompt_states"][question], arrays["prompt_scales"][question]
        return Sample(
            given=Given(
                states=unpack((arrays["states"][window], arrays["scales"][window])),
                units=arrays["units"][number],
                tokens=of("tokens", number),
                passages=of("passages", number),
                odds=of("odds", number),
                prompt=unpack(prompt),
                prompt_tokens=of("prompt_tokens", question),
                labels=of("labels", question),
            ),
            tags=arrays["tags"][number],
            called=arrays["called"][number],
            target=of("target", number),
            weight=of("weight", number),
            question=question,
            coarse=bool(coarse),
        )


class Joined:
    """Several data sets as one: their samples and questions one after the other, and of each
    question the name of its set (`sources`)."""

    def __init__(self, parts: Sequence[Dataset]) -> None:
        if not parts:
            raise OptionError("nothing to train on")
        self._parts = [part for part in parts if len(part)] or list(parts[:1])
        self._ends = np.cumsum([len(part) for part in self._parts])
        self._asked = np.cumsum([0, *(len(part.questions) for part in self._parts)])
        starts = self._ends - [len(part) for part in self._parts]
        self.questions: list[list[int]] = [
            [int(start) + number for number in question]
            for part, start in zip(self._parts, starts, strict=True)
            for question in part.questions
        ]
        first = self._parts[0]
        self.width, self.features = first.width, first.features
        self.passage_features = first.passage_features
        self.sources = [name for part in self._parts for name in [part.name] * len(part.questions)]
        self.about = {"parts": [part.about for part in self._parts]}

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, number: int) -> Sample:
        part = int(np.searchsorted(self._ends, number, side="right"))
        chosen = self._parts[part]
        sample = chosen[number - int(self._ends[part]) + len(chosen)]
        return replace(sample, question=sample.question + int(self._asked[part]))


class DatasetWriter:
    """Writes a `Dataset`: windows and questions first, then samples of the two. A context
    manager: what ends with an error is no data set."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / INDEX).unlink(missing_ok=True)
        self._folder = folder
        self._about = {"format": FORMAT, **about}
        kinds = _kinds(about["width"], about["features"], about["passage_features"])
        self._open = ExitStack()
        self._arrays = {
            name: self._open.enter_context(RaggedWriter(folder, name, *kind))
            for name, kind in kinds.items()
        }

    def window(self, state: State) -> int:
        """Keep a window's packed states; returns its number."""
        self._arrays["scales"].append(state[1])
        return self._arrays["states"].append(state[0])

    def question(self, prompt: Prompt) -> int:
        """Keep a question; returns its number."""
        states, scales = pack(prompt.states)
        self._arrays["prompt_states"].append(states)
        self._arrays["prompt_tokens"].append(prompt.tokens)
        self._arrays["labels"].append(prompt.labels)
        return self._arrays["prompt_scales"].append(scales)

    def sample(
        self,
        window: int,
        question: int,
        units: NDArray[np.int64],
        reading: Reading,
        targets: Targets,
        *,
        stands_for: float,
        coarse: bool,
    ) -> int:
        """Keep one window under one question; returns its number."""
        self._arrays["tokens"].append(reading.tokens)
        self._arrays["units"].append(units)
        self._arrays["passages"].append(reading.passages)
        self._arrays["odds"].append(reading.odds)
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


def read_index(folder: Path) -> dict[str, Any]:
    """What was said of the data set in `folder`. Raises `TextError` where there is none."""
    try:
        about: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TextError(f"{folder}: no prepared data here: {error}") from error
    if about.get("format") != FORMAT:
        raise OptionError(f"{folder}: prepared by another version of cprs; remove the folder")
    return about


def _kinds(
    width: int, features: int, passage_features: int
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Dtype and tail of every array: by window, by question, then by sample."""
    return {
        "states": ("int8", (width,)),
        "scales": ("float32", ()),
        "prompt_states": ("int8", (width,)),
        "prompt_scales": ("float32", ()),
        "prompt_tokens": ("float16", (features,)),
        "labels": ("float16", (width,)),
        "tokens": ("float16", (features,)),
        "units": ("int32", (2,)),
        "passages": ("float16", (passage_features,)),
        "odds": ("float32", ()),
        "tags": ("int8", ()),
        "called": ("int8", ()),
        "target": ("float32", ()),
        "weight": ("float32", ()),
        "samples": ("int64", ()),
    }
