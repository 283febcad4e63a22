"""A trained critic on torch: for measuring what training gave. Use runs on exported weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray

from cprs.critics.base import State, TokenScores
from cprs.critics.embedded_base import Base
from cprs.critics.inquiry import Inquiry
from cprs.critics.packing import pack, unpack
from cprs.critics.prior import SHIPPED, Prior, rounded, share
from cprs.critics.words import Pieces
from cprs.guidance import Guidance
from cprs.train.reason.collate import inputs_of
from cprs.train.reason.dataset import Given
from cprs.train.reason.folder import load_reasoner
from cprs.train.reason.reasoner import Reasoner
from cprs.windows import Encoded, Window


class ReasonedCritic:
    """The embedded critic with reasoning layers above its prior."""

    def __init__(
        self,
        base: Base,
        prior: Prior,
        reasoner: Reasoner,
        *,
        digest: str,
    ) -> None:
        self._base = base
        self._prior = prior
        self._reasoner = reasoner
        self._pieces = Pieces(base.vocabulary)
        # One window at a time: torch spreads each over all cores by itself.
        self._turn = Lock()
        runtime = base.runtime.split()[0]
        self.name = f"reasoned-{base.name}-{prior.digest}-{digest}-{runtime}"
        self.window = base.window
        self.threshold = prior.threshold

    @classmethod
    def load(cls, folder: Path) -> ReasonedCritic:
        """Load what `cprs train critic` wrote. Raises `WeightsError`."""
        prior = Prior.load(folder / SHIPPED.name)
        reasoner, digest = load_reasoner(folder, prior=prior.digest)
        return cls(Base.load(folder), prior, reasoner, digest=digest)

    def encode(self, text: str) -> Encoded:
        """The base's tokens."""
        return self._base.encode(text)

    def read(self, windows: Sequence[Window]) -> list[State]:
        """The base's states, packed as the embedded critic packs them."""
        return [pack(self._base.read(window.token_ids)) for window in windows]

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> ReasonedScorer:
        """Read the prompt, and look for the question's words in all windows."""
        inquiry = Inquiry(self._base, self._prior, self._pieces, guidance, windows)
        return ReasonedScorer(inquiry, self._reasoner, self._turn)


class ReasonedScorer:
    """The reasoning layers under one prompt."""

    def __init__(
        self,
        inquiry: Inquiry,
        reasoner: Reasoner,
        turn: Lock,
    ) -> None:
        self._inquiry = inquiry
        self._reasoner = reasoner
        self._turn = turn
        self.warnings: tuple[str, ...] = ()
        if inquiry.prompt.shortened:
            self.warnings = (
                "instruction and query are too long: only their beginning and end count",
            )

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows; each token carries its passage's probability of being evidence."""
        return [
            self._score(window, unpack(state))
            for window, state in zip(windows, states, strict=True)
        ]

    def _score(self, window: Window, states: NDArray[np.float32]) -> TokenScores:
        if not len(window):
            return TokenScores(np.zeros(0, np.float32))
        reading = self._inquiry.read(window, states)
        given = Given.of(self._inquiry.prompt, reading, states, window.units)
        with self._turn, torch.inference_mode():
            said = self._reasoner(inputs_of([given]))
        # In float64 and the prior's own steps, so that no correction means no change at all.
        keep = share(rounded(reading.odds + said.correction[0].numpy())).astype(np.float32)
        labels = said.labels[0].softmax(-1)[:, 1:].numpy()
        return TokenScores(
            keep=np.repeat(keep, window.units[:, 1] - window.units[:, 0]),
            tags=said.tags[0].softmax(-1).numpy(),
            labels=labels if len(given.labels) else None,
        )
