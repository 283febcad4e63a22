"""A training run: what is trained on what, into which folder, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cprs.train.reason.recipe import Recipe

if TYPE_CHECKING:
    from cprs.train.reason.loop import Step

PREPARED = "data"
"""Where a run keeps what it has prepared."""


@dataclass(frozen=True, slots=True)
class Run:
    """Question `sets` and `haystack` files, the `base`'s folder, the folder `out`, which holds the
    recipe already; `resume` an earlier run there, `start` from the layers in a folder; torch's
    `device`, and how many `processes` share the work; `say` is told what happens, `progress` of
    every step."""

    sets: Path
    haystack: tuple[Path, ...]
    base: Path
    out: Path
    recipe: Recipe
    resume: bool
    start: Path | None
    device: str
    processes: int
    say: Callable[[str], None]
    progress: Callable[[Step], None] | None
