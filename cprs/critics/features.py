"""One question over one request, as numbers per passage: what the prior is a function of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cprs.critics import pooling, survey
from cprs.critics.pooling import Asked, Pooled, States, pool
from cprs.critics.words import Pieces
from cprs.windows import Window

NAMES = (*survey.PASSAGE_FEATURES, *pooling.FEATURES, *survey.QUESTION_FEATURES)


class Question:
    """Prepared from the question and all windows' token ids; then asked of each window's states.

    `ids` (q,) and `states` (q, d) are the question's tokens, `centre` (d,) the mean token state of
    ordinary text. Stateless once made.
    """

    def __init__(
        self,
        pieces: Pieces,
        ids: NDArray[np.int32],
        states: States,
        windows: Sequence[Window],
        *,
        centre: States,
    ) -> None:
        self._centre = centre
        self._found = survey.survey(pieces, ids, windows)
        self._asked = Asked.of(states, centre, self._found)
        # By content and place, not by identity: a window may come back from another process.
        self._number: dict[tuple[int, bytes], int] = {}
        for number, window in enumerate(windows):
            self._number.setdefault(_key(window), number)

    @property
    def about(self) -> NDArray[np.float32]:
        """What is known of the question as a whole: (len(survey.QUESTION_FEATURES),)."""
        return self._found.question

    def features(self, window: Window, states: States) -> NDArray[np.float32]:
        """Features (u, len(NAMES)) of a window's u passages, given its token states (t, d)."""
        return self.look(window, states).passages

    def look(self, window: Window, states: States) -> Pooled:
        """The same, and features (t, len(MATCHES)) of its tokens."""
        number = self._number[_key(window)]
        first = int(self._found.first[number])
        count = len(window.units)
        pooled = pool(states, window.units, self._asked, self._centre, self._found, number)
        passages = np.concatenate(
            [
                self._found.passages[first : first + count],
                pooled.passages,
                np.broadcast_to(self._found.question, (count, len(self._found.question))),
            ],
            axis=1,
        )
        return Pooled(passages, pooled.tokens)


def _key(window: Window) -> tuple[int, bytes]:
    return window.start, window.token_ids.tobytes()
