"""How a reasoner does on questions it is not trained on, beside the prior it corrects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cprs.train.reason.collate import goals_of, inputs_of
from cprs.train.reason.dataset import Dataset, Joined
from cprs.train.reason.loss import contrast_loss
from cprs.train.reason.reasoner import Reasoner

QUESTIONS = 96
"""How many of the held out are asked at a checkpoint."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Means over questions: the contrastive loss under the `prior` and `corrected`; of evidence
    tokens with a label, the share `named` rightly, nan where no question names labels."""

    prior: float
    corrected: float
    named: float

    def __str__(self) -> str:
        return (
            f"held out: contrast {self.corrected:.4f} (the prior's: {self.prior:.4f}), "
            f"labels {100 * self.named:.1f} % right"
        )


def validate(
    model: Reasoner,
    dataset: Dataset | Joined,
    questions: Sequence[list[int]],
    *,
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
        inputs = inputs_of([sample.given for sample in samples], on=on)
        with torch.inference_mode():
            said = model(inputs)
        if bool((goals.target * goals.weight).any()):
            for odds, found in ((inputs.odds, prior), (said.odds, corrected)):
                loss = contrast_loss(odds, goals.target, goals.weight, goals.group)
                found.append(float(loss))
        several = inputs.labels_mask.sum(1, keepdim=True) > 1
        named = (goals.labels > 0) & (goals.label_weight > 0) & several
        best = said.labels[..., 1:].argmax(-1) + 1
        right.extend((best == goals.labels)[named].tolist())
    model.train(training)
    return Validation(_mean(prior), _mean(corrected), _mean(right))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
