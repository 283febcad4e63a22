"""Training windows on disk: written once, read through memory maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import State
from cprs.critics.inquiry import Prompt, Reading
from cprs.critics.layers import Given
from cprs.critics.packing import pack, unpack
from cprs.errors import OptionError
from cprs.train.reason.store import Judged, Kinds, Store, StoreWriter, read_index
from cprs.train.reason.targets import Targets

Floats = NDArray[np.float32]
Ids = NDArray[np.int32]

IDS = "ids"
"""What a data set says of itself where it keeps token ids beside states."""


@dataclass(frozen=True, slots=True)
class GivenIds(Given):
    """The same, and the token ids that the states were read from: `ids` (t,) of the window,
    `prompt_ids` (q,)."""

    ids: Ids
    prompt_ids: Ids


Sample = Judged[Given]
"""Given is `GivenIds` where token ids are kept."""


class Dataset(Store):
    """The samples in `folder`, by number, and which belong to which question.

    Raises `TextError` where they are missing or broken.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _kinds(read_index(folder)))
        self.width = int(self.about["width"])
        self.features = int(self.about["features"])
        self.passage_features = int(self.about["passage_features"])

    def __getitem__(self, number: int) -> Sample:
        window, question = self.place(number)
        arrays = self.arrays

        def of(name: str, at: int) -> Floats:
            return arrays[name][at].astype(np.float32)

        prompt = arrays["prompt_states"][question], arrays["prompt_scales"][question]
        kind: type[Given] = Given
        ids: dict[str, Any] = {}
        if "ids" in arrays:
            kind = GivenIds
            ids = {"ids": arrays["ids"][window], "prompt_ids": arrays["prompt_ids"][question]}
        given = kind(
            states=unpack((arrays["states"][window], arrays["scales"][window])),
            units=arrays["units"][number],
            tokens=of("tokens", number),
            passages=of("passages", number),
            odds=of("odds", number),
            prompt=unpack(prompt),
            prompt_tokens=of("prompt_tokens", question),
            labels=of("labels", question),
            kinds=bool(arrays["kinds"][question][0]),
            **ids,
        )
        return self.judged(number, given)


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


class DatasetWriter(StoreWriter):
    """Writes a `Dataset`: windows and questions first, then samples of the two."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        super().__init__(folder, about, _kinds(about))

    def window(self, state: State, ids: Ids) -> int:
        """Keep a window's packed states, and its token ids where that was said; returns its
        number."""
        if "ids" in self.arrays:
            self.arrays["ids"].append(ids)
        self.arrays["scales"].append(state[1])
        return self.arrays["states"].append(state[0])

    def question(self, prompt: Prompt) -> int:
        """Keep a question; returns its number."""
        if "prompt_ids" in self.arrays:
            self.arrays["prompt_ids"].append(prompt.ids)
        states, scales = pack(prompt.states)
        self.arrays["prompt_states"].append(states)
        self.arrays["prompt_tokens"].append(prompt.tokens)
        kinds = len(prompt.kinds) > 0
        self.arrays["labels"].append(prompt.kinds if kinds else prompt.labels)
        self.arrays["kinds"].append(np.array([kinds], np.int8))
        return self.arrays["prompt_scales"].append(scales)

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
        self.arrays["tokens"].append(reading.tokens)
        self.arrays["units"].append(units)
        self.arrays["passages"].append(reading.passages)
        self.arrays["odds"].append(reading.odds)
        return self.judge(window, question, targets, stands_for=stands_for, coarse=coarse)


def _kinds(about: Mapping[str, Any]) -> Kinds:
    """Of what is given: by window, by question, then by sample."""
    width, features = (int(about[name]) for name in ("width", "features"))
    ids: Kinds = {"ids": ("int32", ()), "prompt_ids": ("int32", ())}
    return {
        "states": ("int8", (width,)),
        "scales": ("float32", ()),
        "prompt_states": ("int8", (width,)),
        "prompt_scales": ("float32", ()),
        "prompt_tokens": ("float16", (features,)),
        "labels": ("float16", (width,)),
        "kinds": ("int8", ()),
        "tokens": ("float16", (features,)),
        "units": ("int32", (2,)),
        "passages": ("float16", (int(about["passage_features"]),)),
        "odds": ("float32", ()),
        **(ids if about.get(IDS) else {}),
    }
