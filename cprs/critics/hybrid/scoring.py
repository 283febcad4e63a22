"""A hybrid's answers: what its heads say of windows, as scores of their passages."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import State, TokenScores
from cprs.critics.hybrid.asked import Prompt
from cprs.critics.hybrid.held import Begun
from cprs.critics.hybrid.packing import Ids
from cprs.critics.hybrid.prompt import RolesPrompt, prompt_warnings
from cprs.critics.hybrid.sifting import sifted
from cprs.errors import OptionError
from cprs.guidance import Guidance
from cprs.labels import TAGS
from cprs.windows import Window

if TYPE_CHECKING:
    from cprs.critics.hybrid.critic import HybridCritic

DECIMALS = 2
"""A first look is rounded to this, so that last bits, which on a GPU depend on what is read beside
a window, seldom decide between two windows."""
_TINY = 1e-38


class HybridScorer:
    """A hybrid under one prompt, whose states are computed once and held as long as this."""

    def __init__(self, critic: HybridCritic, prompt: RolesPrompt, guidance: Guidance) -> None:
        self._critic = critic
        self._prompt = Prompt(prompt.ids, prompt.rows if guidance.labels else None)
        self._begun: dict[bytes, Begun] = {}
        self.warnings = tuple(prompt_warnings(prompt, guidance))

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows; each token carries its passage's probability of being evidence, out of
        the mean of its tokens' log-odds ln((1 - P(O)) / P(O)).

        Raises `OptionError` for a window that does not fit behind the prompt.
        """
        self._check(windows)
        found = self._critic.pipeline.read(self._prompt, [self._content(w) for w in windows])
        return [
            _scores(window, tags, labels)
            for window, (tags, labels) in zip(windows, found, strict=True)
        ]

    def sift(self, windows: Sequence[Window], *, room: int) -> NDArray[np.float32] | None:
        """What the probe makes of each of `windows` (w,): the log-odds of its best passage. None
        without a probe.

        Those with which it is most pleased, `room` tokens together, wait on the device as far as
        its memory allows, and are read on from there; the others are read from the beginning if
        anybody asks.
        """
        if self._critic.model.probe is None:
            return None
        self._check(windows)
        holding = self._critic.pipeline.holding
        rows = holding.take(room)
        if rows:
            weakref.finalize(self, holding.give, rows)
        found = sifted(
            self._critic.pipeline,
            self._prompt,
            [window.token_ids for window in windows],
            lambda number, tags: float(passage_odds(windows[number], tags).max()),
            rows=rows,
        )
        self._begun |= {
            windows[number].token_ids.tobytes(): begun for number, begun in found.begun.items()
        }
        rounded: NDArray[np.float32] = found.first.round(DECIMALS)
        return rounded

    def _content(self, window: Window) -> Ids | Begun:
        """What there is of a window: what was begun is read on, once."""
        begun = self._begun.pop(window.token_ids.tobytes(), None) if self._begun else None
        return window.token_ids if begun is None else begun

    def _check(self, windows: Sequence[Window]) -> None:
        longest, most = max(map(len, windows), default=0), self._critic.model.config.window
        if len(self._prompt) + longest > most:
            raise OptionError(
                f"a window of {longest} tokens does not fit: the critic reads {most} at once, its"
                f" prompt of {len(self._prompt)} among them"
            )


def passage_odds(window: Window, tags: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean (u,) of each passage's tokens' log-odds, of probabilities (t, 4)."""
    outside = TAGS.index("O")
    evidence = np.delete(tags, outside, axis=1).sum(axis=1, dtype=np.float64)
    odds = np.log(np.maximum(evidence, _TINY)) - np.log(np.maximum(tags[:, outside], _TINY))
    sums: NDArray[np.float64] = np.add.reduceat(odds, window.units[:, 0])
    return sums / np.diff(window.units, axis=1)[:, 0]


def _scores(
    window: Window, tags: NDArray[np.float32], labels: NDArray[np.float32] | None
) -> TokenScores:
    """A window's scores out of what the heads say of its tokens (t, 4), (t, 1 + L)."""
    if not len(window):
        return TokenScores(np.zeros(0, np.float32))
    keep = (1 / (1 + np.exp(-passage_odds(window, tags)))).astype(np.float32)
    return TokenScores(
        keep=np.repeat(keep, np.diff(window.units, axis=1)[:, 0]),
        tags=tags,
        labels=None if labels is None else labels[:, 1:],
    )
