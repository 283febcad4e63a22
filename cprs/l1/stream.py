"""Examples without end, in an order that a seed decides and a number of those taken resumes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from cprs.errors import OptionError

T = TypeVar("T")


class Stream(Generic[T]):
    """Goes through `items` again and again, each time in another order. `taken` is how many have
    been had."""

    def __init__(self, items: Sequence[T], *, seed: int, taken: int = 0) -> None:
        if not items:
            raise OptionError("nothing to go through: there are no examples")
        self._items = items
        self._seed = seed
        self._epoch = -1
        self._order: list[int] = []
        self.taken = taken

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        epoch, place = divmod(self.taken, len(self._items))
        if epoch != self._epoch:
            self._order = list(range(len(self._items)))
            random.Random(self._seed * 1_000_003 + epoch).shuffle(self._order)
            self._epoch = epoch
        self.taken += 1
        return self._items[self._order[place]]
