"""A hybrid's training windows on disk: token ids and what should be said of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics.hybrid.prompt import RolesPrompt
from cprs.train.reason.store import Judged, Kinds, Store, StoreWriter
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


class Dataset(Store):
    """The samples in `folder`, by number, and which belong to which question.

    Raises `TextError` where they are missing or broken.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _KINDS)

    def __getitem__(self, number: int) -> Judged[Given]:
        window, question = self.place(number)
        arrays = self.arrays
        given = Given(
            prompt=arrays["prompts"][question],
            ids=arrays["ids"][window],
            units=arrays["units"][window],
            rows=arrays["rows"][question],
        )
        return self.judged(number, given)


class DatasetWriter(StoreWriter):
    """Writes a `Dataset`: windows and questions first, then samples of the two (`judge`)."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        super().__init__(folder, {"kind": KIND, **about}, _KINDS)

    def window(self, window: Window) -> int:
        """Keep a window; returns its number."""
        self.arrays["units"].append(window.units)
        return self.arrays["ids"].append(window.token_ids)

    def question(self, prompt: RolesPrompt) -> int:
        """Keep a question; returns its number."""
        self.arrays["rows"].append(prompt.rows)
        return self.arrays["prompts"].append(prompt.ids)


_KINDS: Kinds = {
    "ids": ("int32", ()),
    "units": ("int32", (2,)),
    "prompts": ("int32", ()),
    "rows": ("int64", ()),
}
"""Of what is given: by window, then by question."""
