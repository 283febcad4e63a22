"""How parts tell what they found: line by line, so that what was found stays if they break off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: `tiny` for a rehearsal on a CPU. `tokens`: lengths of inputs, rising;
    `copy`: bytes."""

    tiny: bool = False

    @property
    def tokens(self) -> tuple[int, ...]:
        """Content tokens of inputs."""
        return (500, 1000) if self.tiny else (131_072, 524_288, 2_097_152)

    @property
    def copy(self) -> int:
        """Bytes to be copied."""
        return 1 << 16 if self.tiny else 4 << 30

    def shape(self, name: str) -> str:
        """The shape that stands for the one called `name`."""
        return "tiny" if self.tiny else name


class Tell(Protocol):
    """Takes down one finding."""

    def __call__(self, **found: Any) -> None: ...


def teller(path: Path, **same: Any) -> Tell:
    """Writes findings as lines of JSON, each with `same`."""

    def tell(**found: Any) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**same, **found}) + "\n")

    return tell


def told(path: Path) -> list[Mapping[str, Any]]:
    """What was written, whole lines alone."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
