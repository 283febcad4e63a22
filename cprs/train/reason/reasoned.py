"""Trained layers on torch: for measuring what training gave. Use runs on exported weights."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray

from cprs.critics.embedded import EmbeddedCritic
from cprs.critics.embedded_base import Base
from cprs.critics.layers import Given
from cprs.critics.prior import SHIPPED, Prior
from cprs.critics.reasoned import Reasoning
from cprs.train.reason.collate import inputs_of
from cprs.train.reason.folder import load_reasoner
from cprs.train.reason.reasoner import Reasoner


class TorchLayers:
    """A reasoner as the layers of an embedded critic."""

    def __init__(self, reasoner: Reasoner, *, digest: str) -> None:
        self._reasoner = reasoner
        # One window at a time: torch spreads each over all cores by itself.
        self._turn = Lock()
        self.name = f"torch-{digest}"

    def __call__(self, given: Given) -> NDArray[np.float32]:
        """The heads' numbers (t, HEADS + L) of one window."""
        with self._turn, torch.inference_mode():
            heads: NDArray[np.float32] = self._reasoner.heads(inputs_of([given]))[0].numpy()
        return heads[:, : heads.shape[1] - (not len(given.labels))]


def load_trained(folder: Path) -> EmbeddedCritic:
    """What `cprs train critic` wrote, on torch. Raises `WeightsError`."""
    prior = Prior.load(folder / SHIPPED.name)
    reasoner, meanings, digest = load_reasoner(folder, prior=prior.digest)
    layers = TorchLayers(reasoner, digest=digest)
    reasoning = Reasoning(layers, meanings)
    return EmbeddedCritic(Base.load(folder), prior, reasoning)
