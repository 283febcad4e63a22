"""How a model does on questions it is not trained on, beside the prior it corrects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
import torch

from cprs.train.reason.collate import Samples, goals_of, inputs_of
from cprs.train.reason.loss import contrast_loss

QUESTIONS = 96
"""How many of the held out are asked at a checkpoint."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Means over questions: the contrastive loss under the `prior`, nan where a critic has none,
    and `corrected`; of evidence tokens with a label, the share `named` rightly, nan where no
    question names labels."""

    prior: float
    corrected: float
    named: float

    def __str__(self) -> str:
        prior = "" if isnan(self.prior) else f" (the prior's: {self.prior:.4f})"
        named = "" if isnan(self.named) else f", labels {100 * self.named:.1f} % right"
        return f"held out: contrast {self.corrected:.4f}{prior}{named}"


def validate(
    model: torch.nn.Module,
    dataset: Samples,
    questions: Sequence[list[int]],
    *,
    inputs: Callable[..., Any] = inputs_of,
    on: torch.device,
) -> Validation:
    """Ask `QUESTIONS` of `questions`, evenly spread, one at a time; `model` is left as it was."""
    training = model.training
    model.eval()
    prior: list[float] = []
    corrected: list[float] = []
    right: list[bool] = []
    for numbers in questions[:: max(len(questions) // QUESTIONS, 1)]:
        samples = [dataset[number] for number in numbers]
        goals = goals_of(samples, on=on)
        given = inputs([sample.given for sample in samples], on=on)
        # Not in inference mode: parameters gathered from parts there could not be trained on.
        with torch.no_grad():
            said = model(given)
        if bool((goals.target * goals.weight).any()):
            for odds, found in ((getattr(given, "odds", None), prior), (said.odds, corrected)):
                if odds is not None:
                    loss = contrast_loss(odds, goals.target, goals.weight, goals.group)
                    found.append(float(loss))
        several = torch.tensor([[len(s.given.labels) > 1] for s in samples], device=on)
        named = (goals.labels > 0) & (goals.label_weight > 0) & several
        best = said.labels[..., 1:].argmax(-1) + 1
        right.extend((best == goals.labels)[named].tolist())
    model.train(training)
    return Validation(_mean(prior), _mean(corrected), _mean(right))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
