"""What trained layers' scores mean: a calibration and a default threshold, from questions held
out of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cprs.critics.calibration import Meaning, Meanings
from cprs.critics.layers import Given, evidence_odds, interpret
from cprs.train.measure.calibrate import fit_balance, fit_calibration, fit_threshold
from cprs.train.reason.collate import inputs_of
from cprs.train.reason.dataset import Joined
from cprs.train.reason.reasoner import Reasoner

LEAST = 32
"""Questions with evidence below which nothing can be said."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was said of p passages of one question's windows: log-odds; 1 for evidence; how many
    passages each stands for, 0 where it is not known; their tokens. `family`: of its set."""

    odds: Floats
    target: Floats
    count: Floats
    tokens: Floats
    family: str

    @property
    def evidence(self) -> Floats:
        """Tokens of evidence in each passage."""
        return self.target * self.count * self.tokens

    @property
    def others(self) -> Floats:
        """Tokens of anything else in each passage."""
        return (1 - self.target) * self.count * self.tokens


def fit_meanings(
    model: Reasoner,
    dataset: Joined,
    questions: Sequence[list[int]],
    *,
    family: Callable[[str], str] = str,
) -> Meanings:
    """Ask the `questions`, none of them trained on, and fit what was answered; apart for those
    that ask for things of a kind, by an instruction alone.

    Each set counts the same, and so do sets of one `family`. Evidence marked coarsely is left out.
    With too few questions log-odds mean what they say and the prior's threshold stays.
    """
    answers: dict[bool, list[_Answer]] = {False: [], True: []}
    for asked in ([dataset[number] for number in numbers] for numbers in questions):
        source = dataset.sources[asked[0].question]
        if asked[0].coarse:
            continue
        alone = asked[0].given.kinds
        answers[alone].append(
            _Answer(
                odds=np.concatenate([_odds(model, s.given) for s in asked]),
                target=np.concatenate([sample.target for sample in asked]),
                count=np.concatenate([sample.weight for sample in asked]),
                tokens=np.concatenate([np.diff(s.given.units, axis=1)[:, 0] for s in asked]),
                family=source if alone else family(source),
            )
        )
    # Questions that a document of its set leaves open are not what a text about something else
    # is: they would ask for a threshold under which little evidence is found.
    return Meanings(
        _meaning(answers[False], lambda p, e, _, of: fit_threshold(p, e, of).value) or Meaning(),
        _meaning(answers[True], fit_balance),
    )


Decide = Callable[[list[Floats], list[Floats], list[Floats], list[str]], float]
"""A threshold from probabilities, evidence, all else, and the family of each question."""


def _meaning(answers: Sequence[_Answer], decide: Decide) -> Meaning | None:
    if sum(bool(answer.evidence.any()) for answer in answers) < LEAST:
        return None
    families = [answer.family for answer in answers]
    calibration = fit_calibration(
        [answer.odds for answer in answers],
        [answer.target for answer in answers],
        [answer.count <= 0 for answer in answers],
        families,
        counts=[np.maximum(answer.count, 1e-9) for answer in answers],
    )
    said = [calibration.probability(answer.odds) for answer in answers]
    evidence, others = [a.evidence for a in answers], [a.others for a in answers]
    return Meaning(calibration, decide(said, evidence, others, families))


def _odds(model: Reasoner, given: Given) -> Floats:
    with torch.inference_mode():
        heads = model.heads(inputs_of([given]))[0].numpy()
    return evidence_odds(given, heads, interpret(given, heads))
