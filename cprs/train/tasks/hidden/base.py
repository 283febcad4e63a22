"""What is asked for: how long a text, how small a budget, what is hidden and where."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cprs.errors import OptionError, unknown
from cprs.train.sets.data import Question
from cprs.train.tasks.haystack import Haystack

MIN_TOKENS = 1_000
SAMPLE = 40_000
"""Code points by which a kind of text is measured before it is made."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """One question, the task it belongs to, and the depth in [0, 1] of its (first) evidence."""

    task: str
    depth: float
    question: Question


@dataclass(frozen=True, slots=True)
class Sheet:
    """A text and what is hidden in it. Sheets of one `kind` share most of their text."""

    kind: str
    text: str
    hidden: tuple[Hidden, ...]


@dataclass(frozen=True)
class Order:
    """Texts of about `tokens` tokens, as `count` counts them, for budgets of `tokens / ratio`.

    `depths`: how many, spread evenly from the very start to the very end. `tasks`: of
    `HIDDEN_TASKS`. The texts follow from these and the seed alone.
    """

    tokens: int
    count: Callable[[str], int]
    ratio: float = 100.0
    depths: int = 11
    seed: int = 0
    tasks: Sequence[str] = ()
    haystack: Haystack = field(default_factory=Haystack)

    def check(self, known: Sequence[str]) -> None:
        """Raise `OptionError` for an order that cannot be filled."""
        if self.tokens < MIN_TOKENS:
            raise OptionError(f"a text needs at least {MIN_TOKENS} tokens, got {self.tokens}")
        if not (math.isfinite(self.ratio) and self.ratio >= 1):
            raise OptionError(f"ratio must be at least 1, got {self.ratio:g}")
        if not 1 <= self.depths <= 1_000:
            raise OptionError(f"depths must be 1 to 1000, got {self.depths}")
        for task in self.tasks:
            if task not in known:
                raise unknown("task", task, list(known))

    @property
    def budget(self) -> int:
        """Tokens that may be kept."""
        return int(self.tokens / self.ratio)

    @cached_property
    def places(self) -> tuple[float, ...]:
        """The depths, rising."""
        if self.depths == 1:
            return (0.5,)
        return tuple(number / (self.depths - 1) for number in range(self.depths))

    def draw(self, *of: object) -> random.Random:
        """The random stream of one thing to be made."""
        return random.Random("/".join(map(str, ("hidden", self.seed, *of))))

    def length(self, make: Callable[[int], str]) -> int:
        """Code points that have `tokens` tokens in text like what `make` makes of a length."""
        sample = make(SAMPLE)
        return round(self.tokens * len(sample) / self.count(sample))

    def room(self, piece: str, *, most: int) -> int:
        """How many pieces like this one a question may ask for: three quarters of the budget
        hold them, so that one wrong pick may stand beside them; 1 to `most`."""
        return max(1, min(most, int(0.75 * self.budget / self.count(piece))))

    def fits(self, task: str, text: str, spans: Iterable[tuple[int, int]]) -> None:
        """Raise `OptionError` where the budget cannot hold what a question asks for."""
        needed = sum(self.count(text[start:end]) for start, end in spans)
        if needed > self.budget:
            enough = math.ceil(needed * self.ratio)
            raise OptionError(
                f"{self.tokens} tokens at ratio {self.ratio:g} leave {self.budget}, and {task!r} "
                f"needs {needed}: ask for {enough} tokens or a smaller ratio"
            )
