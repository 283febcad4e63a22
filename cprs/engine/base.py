"""What runs windows on a critic."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

from cprs.critics.base import Scorer, TokenCritic, TokenScores
from cprs.windows import Window


class Engine(Protocol):
    """Runs windows on one critic. Results do not depend on the engine."""

    @property
    def critic(self) -> TokenCritic:
        """What reads and scores."""
        ...

    def run(
        self, windows: Sequence[Window], scorer: Scorer
    ) -> Generator[tuple[int, TokenScores], None, None]:
        """(index, scores) of every window, in order. Closing it stops the work within a batch."""
        ...
