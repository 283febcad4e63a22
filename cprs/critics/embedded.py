"""The embedded critic: the shipped base reads windows alone, the prior scores what it read, the
reasoning layers correct the prior."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import Scorer, State, TokenScores
from cprs.critics.calibration import Meanings
from cprs.critics.embedded_base import Base
from cprs.critics.inquiry import Inquiry
from cprs.critics.layers import ExportedLayers
from cprs.critics.packing import pack, unpack
from cprs.critics.prior import SHIPPED, Prior, PriorScorer
from cprs.critics.reasoned import ReasonedScorer, Reasoning
from cprs.critics.rules import Rules
from cprs.critics.skim import Skim
from cprs.critics.weights import load_weights
from cprs.critics.words import Pieces
from cprs.engine.cores import cores
from cprs.errors import WeightsError
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window


class EmbeddedCritic:
    """Runs on any CPU, with weights that come with cprs.

    A window's state is its token states in int8 with a scale each: 388 bytes a token.
    """

    def __init__(
        self,
        base: Base,
        prior: Prior,
        reasoning: Reasoning | None = None,
        *,
        called: str = "embedded",
    ) -> None:
        if len(prior.centre) != base.width:
            raise WeightsError(
                f"the prior was fitted to states {len(prior.centre)} wide and the base's are "
                f"{base.width} wide: fit it again on this base"
            )
        self._base = base
        self._prior = prior
        self._reasoning = reasoning
        self._pieces = Pieces(base.vocabulary)
        # Runtimes round differently: what one has read is not another's.
        parts = [base.name, prior.digest, *([reasoning.layers.name] if reasoning else [])]
        runtime = base.runtime.split()[0]
        self.name = f"{called}-{'-'.join(parts)}-{runtime}"
        self.reads = f"{base.name}-{runtime}"
        self.window = base.window
        self._meanings = reasoning.meanings if reasoning else Meanings()
        own = self._meanings.query.threshold
        self.threshold = prior.threshold if own is None else own

    @classmethod
    def load(cls, path: Path | None = None) -> EmbeddedCritic:
        """Load a folder of weights, by default the shipped one. A folder without a prior of its
        own takes the shipped prior. Raises `WeightsError`."""
        own = SHIPPED if path is None else path / SHIPPED.name
        prior = Prior.load(own if own.is_file() else SHIPPED)
        return cls(Base.load(path), prior, _reasoning(path, prior))

    def encode(self, text: str) -> Encoded:
        """The base's tokens."""
        return self._base.encode(text)

    def read(self, windows: Sequence[Window]) -> list[State]:
        """The base's states, packed."""
        return [pack(self._base.read(window.token_ids)) for window in windows]

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Scorer:
        """Read the question, and look for its words in all windows."""
        if self._reasoning is not None:
            inquiry = Inquiry(self._base, self._prior, self._pieces, guidance, windows)
            calibration = self._meanings.under(guidance).calibration
            layers = self._reasoning.layers
            return ReasonedScorer(inquiry, layers, calibration, window=self.window)
        ids, states, shortened = self._base.embed_query(guidance.question)
        scorer = self._prior.ask(self._pieces, ids, states, windows)
        return EmbeddedScorer(scorer, self._base.window if shortened else None)

    def threshold_for(self, guidance: Guidance) -> float:
        """Higher for an instruction without a query, where that was learnt apart."""
        own = self._meanings.under(guidance).threshold
        return self.threshold if own is None else own

    def skim(self, guidance: Guidance, windows: Sequence[Window]) -> NDArray[np.float32] | None:
        """A first look by words and static vectors; None over a base of another vocabulary.

        Windows that a rule settles come first: neither words nor vectors know of them.
        """
        if len(self._skim.vectors) != len(self._pieces):
            return None
        first = self._skim(self._pieces, self.encode(guidance.question).ids, windows)
        if self._reasoning is not None:
            rules = Rules(self._base, self._pieces, guidance, windows)
            settled = np.array([rules.settles(window) for window in windows], np.bool_)
            if settled.any():
                first[settled] += np.ptp(first) + 1
        return first

    @cached_property
    def _skim(self) -> Skim:
        return Skim.load()


class EmbeddedScorer:
    """The prior under one question. `shortened_to` is how much of a too long one was read."""

    def __init__(self, prior: PriorScorer, shortened_to: int | None) -> None:
        self._prior = prior
        self.warnings: tuple[str, ...] = ()
        if shortened_to is not None:
            self.warnings = (
                f"the query is too long: only its first and last {shortened_to // 2} tokens count",
            )

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows; each token carries its passage's probability of being evidence."""
        return [
            self._prior(window, unpack(state))
            for window, state in zip(windows, states, strict=True)
        ]


def _reasoning(path: Path | None, prior: Prior) -> Reasoning | None:
    """The reasoning layers of a weights folder, if it has any."""
    weights = load_weights(path)
    if weights.reasoner is None:
        return None
    if weights.corrects != prior.digest:
        raise WeightsError(f"{weights.reasoner} corrects another prior than the one beside it")
    layers = ExportedLayers.load(weights.reasoner, digest=weights.reasoner_digest, threads=cores())
    meanings = Meanings.from_json(weights.meanings, where=str(weights.reasoner.parent))
    return Reasoning(layers, meanings)
