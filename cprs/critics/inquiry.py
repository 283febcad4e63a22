"""What the reasoning layers are given: one guidance, prepared over all windows of a request.

Training and use read the same arrays from here, so that what was learnt is what is applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cprs.critics import overlap, pooling
from cprs.critics.base import State
from cprs.critics.embedded_base import Base
from cprs.critics.features import Question
from cprs.critics.overlap import Overlap
from cprs.critics.packing import pack, unpack
from cprs.critics.patterns import Written
from cprs.critics.prior import Prior
from cprs.critics.product import unit
from cprs.critics.rules import Rules
from cprs.critics.words import Pieces
from cprs.guidance import Guidance
from cprs.windows import Window

Floats = NDArray[np.float32]

TOKEN_FEATURES = (*overlap.TOKEN_FEATURES, *pooling.MATCHES)


@dataclass(frozen=True, slots=True)
class Prompt:
    """[instruction + query] as the reasoning layers see it.

    `ids` (q,) and `states` (q, d) of its tokens, `tokens` (q, k) token features, `labels` (L, d):
    a vector of length 1 for each label. `kinds` (K, d): what things are looked for where no query
    is asked: the labels, or the instruction itself. `shortened`: the prompt was longer than a
    window.
    """

    ids: NDArray[np.int32]
    states: Floats
    tokens: Floats
    labels: Floats
    kinds: Floats
    shortened: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """One window of t tokens and u passages beside its states: `tokens` (t, k) token features,
    `passages` (u, f) the prior's features, standardised, `odds` (u,) float64 the prior's log-odds,
    `exact` (u,) what is found verbatim adds to the corrected ones, `written` what a token's form
    adds to its own and to its passage's.
    """

    tokens: Floats
    passages: Floats
    odds: NDArray[np.float64]
    exact: NDArray[np.float64]
    written: Written


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
        self._overlap = Overlap(ids, windows, vocabulary=len(pieces))
        self._rules = Rules(base, pieces, guidance, windows)
        text = prompt_of(guidance)
        if text != guidance.question:
            ids, states, shortened = base.embed_query(text)
        whole = np.array([[0, len(ids)]])[: len(ids)]
        repeats = self._overlap.features(ids, whole)
        # As coarse as a window's states, and the same in training and in use.
        states = unpack(pack(states))
        labels = label_vectors(base, guidance.meanings, centre)
        self.prompt = Prompt(
            ids=ids,
            states=states,
            tokens=np.concatenate([repeats, repeats[:, :2]], axis=1),
            labels=labels,
            kinds=labels[:0] if guidance.query else kinds_of(labels, states, centre),
            shortened=shortened,
        )

    def prior(self, window: Window, state: State) -> NDArray[np.float64]:
        """The prior's log-odds (u,) of a window's passages."""
        return self._prior.odds(self._question.features(window, unpack(state)))

    def read(self, window: Window, states: Floats) -> Reading:
        """What is known of a window with token `states` (t, d) under this guidance."""
        seen = self._question.look(window, states)
        standard = (seen.passages - self._prior.mean) / self._prior.scale
        repeats = self._overlap.features(window.token_ids, window.units)
        return Reading(
            tokens=np.concatenate([repeats, seen.tokens], axis=1),
            passages=np.clip(standard, -5, 5).astype(np.float32),
            odds=self._prior.odds(seen.passages),
            exact=self._rules.exact(window),
            written=self._rules.written(window),
        )


def prompt_of(guidance: Guidance) -> str:
    """Instruction, query, and the labels that the instruction does not name."""
    unsaid = [label for label in guidance.labels if label not in guidance.instruction]
    labels = f"Labels: {', '.join(unsaid)}" if unsaid else ""
    return "\n".join(part for part in (guidance.instruction, guidance.query, labels) if part)


def label_vectors(base: Base, meanings: Sequence[str], centre: Floats) -> Floats:
    """What each label means (L, d): the mean state of the words that define it, less `centre`, of
    length 1; zeros where there are no tokens.

    The base's last layer stands for its word embeddings here (the paper's LM head is tied to
    those): it tells "error code" from "error message", whose first tokens are the same, and reads
    what the instruction says of a label whose name says nothing.
    """
    found = [meant(base.embed_query(meaning)[1], centre) for meaning in meanings]
    return np.array(found, np.float32).reshape(len(found), base.width)


def kinds_of(labels: Floats, prompt: Floats, centre: Floats) -> Floats:
    """What things an instruction without a query asks for (K, d): those that it has `labels` (L, d)
    for, or what its own states `prompt` (q, d) mean."""
    return labels if len(labels) else meant(prompt, centre)[None]


def meant(states: Floats, centre: Floats) -> Floats:
    """What words of these `states` (n, d) mean together (d,)."""
    if not len(states):
        return np.zeros_like(centre)
    return unit(states.mean(axis=0) - centre)
