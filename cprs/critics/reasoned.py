"""The reasoning layers above the prior, under one prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import State, TokenScores
from cprs.critics.calibration import Calibration, Meanings
from cprs.critics.inquiry import Inquiry
from cprs.critics.layers import Given, Layers, evidence_odds, interpret, raised_labels, raised_tags
from cprs.critics.packing import unpack
from cprs.windows import Window


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Trained layers, and what the log-odds they correct mean."""

    layers: Layers
    meanings: Meanings = field(default_factory=Meanings)


class ReasonedScorer:
    """Scores windows one at a time; each token carries its passage's probability of being
    evidence, its own tags, and labels where the guidance names any."""

    def __init__(
        self, inquiry: Inquiry, layers: Layers, calibration: Calibration, *, window: int
    ) -> None:
        self._inquiry = inquiry
        self._layers = layers
        self._calibration = calibration
        self.warnings: tuple[str, ...] = ()
        if inquiry.prompt.shortened:
            self.warnings = (
                "instruction and query are too long: only their first and last "
                f"{window // 2} tokens count",
            )

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows given their packed states."""
        return [
            self._score(window, unpack(state))
            for window, state in zip(windows, states, strict=True)
        ]

    def _score(self, window: Window, states: NDArray[np.float32]) -> TokenScores:
        if not len(window):
            return TokenScores(np.zeros(0, np.float32))
        reading = self._inquiry.read(window, states)
        given = Given.of(self._inquiry.prompt, reading, states, window.units)
        heads, prompt = self._layers(given), self._inquiry.prompt
        said = interpret(given, heads)
        odds = evidence_odds(given, heads, said)
        odds += reading.exact + np.maximum.reduceat(reading.written.tokens, window.units[:, 0])
        keep = self._calibration.probability(odds).astype(np.float32)
        labels = raised_labels(said.labels, reading.written.labels) if len(prompt.labels) else None
        return TokenScores(
            keep=np.repeat(keep, window.units[:, 1] - window.units[:, 0]),
            tags=raised_tags(said.tags, reading.written.tokens),
            labels=labels,
        )
