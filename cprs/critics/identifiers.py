"""Identifiers of a question that stand in the text verbatim: numbers, addresses, codes, versions.

Two addresses that differ in one digit look alike to states and to words; to whoever asks for one of
them they are nothing alike.
"""

from __future__ import annotations

import numpy as np
import regex
from numpy.typing import NDArray

from cprs.critics.embedded_base import Base
from cprs.critics.words import Pieces
from cprs.windows import Window

WORTH = 2.0
"""Log-odds that a passage gains by holding an identifier of the question."""
MOST = 32
"""Identifiers of a question that are looked for, the first ones."""

IDENTIFIER = regex.compile(
    r"(?<![\w.\-])(?=[\w.\-:/]{0,80}\d)[A-Za-z0-9](?:[\w.\-:/]{0,80}\w)(?!\w)"
)
_SHORTEST = 3


class Identifiers:
    """The identifiers of one question, as token ids. Stateless once made."""

    def __init__(self, base: Base, pieces: Pieces, question: str) -> None:
        found = dict.fromkeys(m[0] for m in IDENTIFIER.finditer(question))
        wanted = [word for word in found if len(word) >= _SHORTEST][:MOST]
        self._runs = [ids for ids in (base.encode(word).ids for word in wanted) if len(ids)]
        self._pieces = pieces

    def odds(self, window: Window) -> NDArray[np.float64]:
        """What each of a window's u passages gains (u,): `WORTH` where an identifier begins in it,
        0 elsewhere."""
        gained = np.zeros(len(window.units))
        for run in self._runs:
            places = self._places(window.token_ids, run)
            owner = np.searchsorted(window.units[:, 1], places, side="right")
            gained[owner] = WORTH
        return gained

    def _places(self, ids: NDArray[np.int32], run: NDArray[np.int32]) -> NDArray[np.int64]:
        """Where `run` begins in `ids` and no word goes on behind it."""
        places = np.flatnonzero(ids[: max(len(ids) - len(run) + 1, 0)] == run[0])
        for step in range(1, len(run)):
            places = places[ids[places + step] == run[step]]
        behind = places + len(run)
        inside = behind < len(ids)
        goes_on = np.zeros(len(places), bool)
        goes_on[inside] = self._pieces.continues(ids[behind[inside]])
        return places[~goes_on]
