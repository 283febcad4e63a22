"""What trained layers' scores mean: a calibration and a default threshold, from questions held
out of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from cprs.critics.calibration import Calibration
from cprs.train.measure.calibrate import fit_calibration, fit_threshold
from cprs.train.reason.collate import inputs_of
from cprs.train.reason.dataset import Joined, Sample
from cprs.train.reason.folder import Meaning
from cprs.train.reason.reasoner import Reasoner

LEAST = 32
"""Questions with evidence below which nothing can be said."""


def fit_meaning(
    model: Reasoner,
    dataset: Joined,
    questions: Sequence[list[int]],
    *,
    family: Callable[[str], str] = str,
) -> Meaning:
    """Ask the `questions`, none of them trained on, and fit what was answered.

    Each set counts the same, and so do sets of one `family`. Evidence marked coarsely is left out.
    With too few questions log-odds mean what they say and the prior's threshold stays.
    """
    odds, targets, counts, tokens, names = [], [], [], [], []
    for asked in ([dataset[number] for number in numbers] for numbers in questions):
        if asked[0].coarse:
            continue
        odds.append(np.concatenate([_odds(model, sample) for sample in asked]))
        targets.append(np.concatenate([sample.target for sample in asked]))
        counts.append(np.concatenate([sample.weight for sample in asked]))
        tokens.append(np.concatenate([np.diff(s.given.units, axis=1)[:, 0] for s in asked]))
        names.append(family(dataset.sources[asked[0].question]))
    answered = [bool((t * c).any()) for t, c in zip(targets, counts, strict=True)]
    if sum(answered) < LEAST:
        return Meaning(Calibration(), None)
    unsure = [count <= 0 for count in counts]
    calibration = fit_calibration(
        odds, targets, unsure, names, counts=[np.maximum(count, 1e-9) for count in counts]
    )
    probability = [calibration.probability(values) for values in odds]
    found = [t * c * size for t, c, size in zip(targets, counts, tokens, strict=True)]
    # Questions that a document of its set leaves open are not what a text about something else
    # is: they would ask for a threshold under which little evidence is found.
    threshold = fit_threshold(probability, found, names)
    return Meaning(calibration, threshold.value)


def _odds(model: Reasoner, sample: Sample) -> NDArray[np.float64]:
    with torch.inference_mode():
        correction = model(inputs_of([sample.given])).correction[0].numpy()
    odds: NDArray[np.float64] = sample.given.odds.astype(np.float64) + correction
    return odds
