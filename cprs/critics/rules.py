"""What needs no meaning: identifiers, chains of assignments and forms, found by how they are
spelt, in windows that nobody has read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cprs.critics.assignments import Assignments
from cprs.critics.embedded_base import Base
from cprs.critics.identifiers import Identifiers
from cprs.critics.patterns import Patterns, Written
from cprs.critics.words import Pieces
from cprs.guidance import Guidance
from cprs.windows import Window


class Rules:
    """Those of one guidance over all windows of a request. Stateless once made."""

    def __init__(
        self, base: Base, pieces: Pieces, guidance: Guidance, windows: Sequence[Window]
    ) -> None:
        self._identifiers = Identifiers(base, pieces, guidance.question)
        self._assignments = Assignments(base, pieces, guidance.question, windows)
        asked = "" if guidance.query else guidance.instruction
        self._patterns = Patterns(pieces, asked, guidance.meanings)

    def exact(self, window: Window) -> NDArray[np.float64]:
        """What a window's u passages gain (u,) by what they hold verbatim."""
        return self._identifiers.odds(window) + self._assignments.odds(window)

    def written(self, window: Window) -> Written:
        """What its tokens' forms add."""
        return self._patterns.look(window)

    def settles(self, window: Window) -> bool:
        """Whether a window holds a step of a chain or a form that is asked for: then it is wanted,
        however little it has in common with the question. (An identifier alone may stand
        everywhere, as a year does.)"""
        if self._assignments.odds(window).any():
            return True
        written = self.written(window)
        return bool((written.tokens > 0).any() or (written.labels > 0).any())
