"""Building `Units` one by one: what formats with many small units append to."""

from __future__ import annotations

from array import array

import numpy as np

from cprs.units import Role, Units


class UnitsBuilder:
    """Appends units that tile a text, 14 bytes each.

    >>> builder = UnitsBuilder()
    >>> bracket = builder.add(1, "array", role=Role.FRAME)
    >>> builder.add(4, "record", parent=bracket)
    1
    >>> builder.build()[1]
    Unit(start=1, end=4, kind='record', parent=0, role=<Role.CONTENT: 0>)
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._bounds = array("q", [0])
        self._kind = array("B")
        self._parent = array("i")
        self._role = array("B")

    def __len__(self) -> int:
        return len(self._kind)

    @property
    def end(self) -> int:
        """Where the last unit ends, which is where the next one starts."""
        return self._bounds[-1]

    def add(self, end: int, kind: str, *, parent: int = -1, role: Role = Role.CONTENT) -> int:
        """Append the unit from `self.end` to `end` and return its index."""
        if end <= self._bounds[-1]:
            raise ValueError(f"a unit cannot end at {end}: the one before ends there or later")
        self._bounds.append(end)
        self._kind.append(self._codes.setdefault(kind, len(self._codes)))
        self._parent.append(parent)
        self._role.append(role)
        return len(self._kind) - 1

    def extend(self, end: int) -> None:
        """Let the last unit end at `end` instead."""
        if end < self._bounds[-1]:
            raise ValueError(f"a unit cannot shrink to {end}")
        self._bounds[-1] = end

    def build(self) -> Units:
        """The units so far, as columns."""
        return Units(
            bounds=np.array(self._bounds, np.int64),
            kinds=tuple(self._codes),
            kind=np.array(self._kind, np.uint8),
            parent=np.array(self._parent, np.int32),
            role=np.array(self._role, np.uint8),
        )
