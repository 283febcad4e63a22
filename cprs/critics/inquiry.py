"""What the reasoning layers are given: one guidance, prepared over all windows of a request.

Training and use read the same arrays from here, so that what was learnt is what is applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cprs.critics.embedded import pack, unpack
from cprs.critics.embedded_base import Base
from cprs.critics.features import Question
from cprs.critics.overlap import Overlap
from cprs.critics.prior import DECIMALS, Prior
from cprs.critics.words import Pieces
from cprs.guidance import Guidance
from cprs.windows import Window

Floats = NDArray[np.float32]

OUTSIDE = "outside"
"""The word whose first token stands for no label at all."""
_FARTHEST = 30.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """[instruction + query] as the reasoning layers see it.

    `states` (q, d) float32, `tokens` (q, k) token features, `labels` (1 + L,) int64: the first
    token of "outside" and of each label's words. `shortened`: it was longer than a window.
    """

    states: Floats
    tokens: Floats
    labels: NDArray[np.int64]
    shortened: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """One window of t tokens and u passages beside its states: `tokens` (t, k) token features,
    `passages` (u, f) the prior's features, standardised, `odds` (u,) float64 the prior's log-odds.
    """

    tokens: Floats
    passages: Floats
    odds: NDArray[np.float64]


class Inquiry:
    """Prepared from token ids; then asked of each window's states. Stateless once made."""

    def __init__(
        self,
        base: Base,
        prior: Prior,
        pieces: Pieces,
        guidance: Guidance,
        windows: Sequence[Window],
    ) -> None:
        ids, states, shortened = base.embed_query(guidance.question)
        centre = prior.centre.astype(np.float32)
        self._prior = prior
        self._question = Question(pieces, ids, states, windows, centre=centre)
        self._overlap = Overlap(ids, windows, vocabulary=len(base.vocabulary))
        text = prompt_of(guidance)
        if text != guidance.question:
            ids, states, shortened = base.embed_query(text)
        whole = np.array([[0, len(ids)]])[: len(ids)]
        self.prompt = Prompt(
            # As coarse as a window's states, and the same in training and in use.
            states=unpack(pack(states)),
            tokens=self._overlap.features(ids, whole),
            labels=label_ids(base, guidance.labels),
            shortened=shortened,
        )

    def read(self, window: Window, states: Floats) -> Reading:
        """What is known of a window with token `states` (t, d) under this guidance."""
        features = self._question.features(window, states)
        standard = (features - self._prior.mean) / self._prior.scale
        return Reading(
            tokens=self._overlap.features(window.token_ids, window.units),
            passages=np.clip(standard, -5, 5).astype(np.float32),
            odds=log_odds(self._prior.probability(features)),
        )


def prompt_of(guidance: Guidance) -> str:
    """Instruction, query, and the labels that the instruction does not name."""
    unsaid = [label for label in guidance.labels if label not in guidance.instruction]
    labels = f"Labels: {', '.join(unsaid)}" if unsaid else ""
    return "\n".join(part for part in (guidance.instruction, guidance.query, labels) if part)


def label_ids(base: Base, labels: Sequence[str]) -> NDArray[np.int64]:
    """The first token of "outside" and of each label (1 + L,); a label without tokens has 0."""
    first = [base.encode(word).ids[:1] for word in (OUTSIDE, *labels)]
    return np.array([int(ids[0]) if len(ids) else 0 for ids in first], np.int64)


def log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln(p / (1 - p)), rounded as the prior rounds: what it made `probability` of, again."""
    p = np.clip(probability, 1e-300, 1 - 1e-16)
    return np.clip(np.round(np.log(p) - np.log1p(-p), DECIMALS), -_FARTHEST, _FARTHEST)


def share(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + e^-odds), in the prior's steps and within its limits."""
    found: NDArray[np.float64] = 1 / (
        1 + np.exp(-np.clip(np.round(odds, DECIMALS), -_FARTHEST, _FARTHEST))
    )
    return found
