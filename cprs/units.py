"""Units: the pieces of a text that are kept or dropped whole.

A `Layout` is what a format (`cprs.formats`) makes of a text: units that tile it, who depends on
whom, and the passages a critic scores. Everything after it works on index arrays, so a text of
two million tokens costs a few megabytes here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import overload

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


class Role(IntEnum):
    """How a unit comes to be kept.

    CONTENT is selected by its score. FRAME (an opening bracket, a signature) is never selected
    itself and comes along with what it holds. CLOSE comes along with its parent. SEPARATOR is
    kept between two kept children of one parent: of the separators between them, the last.
    """

    CONTENT = 0
    FRAME = 1
    CLOSE = 2
    SEPARATOR = 3


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of a text: code points [start, end), what it is, and the unit it depends on.

    `parent` is the index of an earlier unit that is kept whenever this one is (a heading, a
    table's header, a signature, a speaker, an opening bracket), or -1.
    """

    start: int
    end: int
    kind: str
    parent: int = -1
    role: Role = Role.CONTENT


@dataclass(frozen=True, slots=True)
class Units(Sequence[Unit]):
    """Units of one level as columns. They tile the text: no gap, no overlap, none empty.

    `bounds` (n+1,) int64 rising from 0 to len(text); `kind` (n,) uint8 into `kinds`;
    `parent` (n,) int32, each smaller than its own index or -1; `role` (n,) uint8 of `Role`.
    """

    bounds: IntArray
    kinds: tuple[str, ...]
    kind: NDArray[np.uint8]
    parent: NDArray[np.int32]
    role: NDArray[np.uint8]

    @classmethod
    def uniform(cls, bounds: IntArray, kind: str) -> Units:
        """Units of one kind, all CONTENT, none depending on another."""
        n = len(bounds) - 1
        return cls(
            bounds=bounds,
            kinds=(kind,),
            kind=np.zeros(n, np.uint8),
            parent=np.full(n, -1, np.int32),
            role=np.zeros(n, np.uint8),
        )

    @classmethod
    def of(cls, units: Sequence[Unit]) -> Units:
        """Columns of units that are given one by one, in order and tiling."""
        kinds = tuple(dict.fromkeys(unit.kind for unit in units))
        code = {kind: i for i, kind in enumerate(kinds)}
        ends = [unit.end for unit in units]
        return cls(
            bounds=np.array([0, *ends], np.int64),
            kinds=kinds,
            kind=np.array([code[unit.kind] for unit in units], np.uint8),
            parent=np.array([unit.parent for unit in units], np.int32),
            role=np.array([unit.role for unit in units], np.uint8),
        )

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, index: int) -> Unit: ...
    @overload
    def __getitem__(self, index: slice) -> list[Unit]: ...
    def __getitem__(self, index: int | slice) -> Unit | list[Unit]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        i = index % len(self)
        return Unit(
            start=int(self.bounds[i]),
            end=int(self.bounds[i + 1]),
            kind=self.kinds[self.kind[i]],
            parent=int(self.parent[i]),
            role=Role(int(self.role[i])),
        )

    def __iter__(self) -> Iterator[Unit]:
        return (self[i] for i in range(len(self)))


@dataclass(frozen=True, slots=True)
class Layout:
    """What a format makes of a text.

    `units` may be kept; `passages` (m+1,) are the bounds of the pieces a critic scores as one
    (sentences, lines: they tile the text too, and nest with the units in either direction, none
    longer than `PASSAGE_LIMIT`). `required` are units that are always kept (a JSON document's
    outer bracket). `finer` takes a unit's text and returns the bounds at which the one unit that
    no longer fits a budget may be cut short, or is None where units are whole or nothing.
    `warning` is what the caller should know about the text itself.
    """

    format: str
    granularity: str
    units: Units
    passages: IntArray
    required: tuple[int, ...] = ()
    finer: Callable[[str], IntArray] | None = None
    warning: str = ""


PASSAGE_LIMIT = 1_000
"""Code points in a passage at most; longer sentences and lines are cut at a space or grapheme."""
