"""Critics for processes of their own, some of which end in the middle of their work."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tagging import Tagging

from cprs.critics.base import State, TokenScores
from cprs.errors import OptionError
from cprs.guidance import Guidance
from cprs.windows import Window


@dataclass(frozen=True)
class Dying(Tagging):
    """Ends its process with the first window it is given, as often as there are files in `folder`
    to take away."""

    folder: Path = Path()

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Dying:
        if guidance.query == "broken":
            raise OptionError("a question that cannot be asked")
        return self

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        for path in self.folder.iterdir():
            try:
                path.unlink()
            except FileNotFoundError:
                continue
            os._exit(9)
        if len(windows[0]) == 1:
            raise ZeroDivisionError("one token")
        time.sleep(0.01)
        return super().__call__(windows, states)


def dying(folder: Path, device: str) -> Dying:
    """For `ParallelCritic`: on no device, but called by its name where that is to differ."""
    if device == "none":
        raise OptionError("device 'none' is not here")
    if device == "gone":
        os._exit(1)
    return Dying(folder=folder, name="other" if device == "other" else "dying")
