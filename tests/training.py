"""A toy task: evidence has a look of its own, and the prior does not see it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cprs.critics.inquiry import Prompt, Reading
from cprs.critics.patterns import Written
from cprs.train.reason.dataset import Dataset, DatasetWriter
from cprs.train.reason.targets import Targets

WIDTH, FEATURES, PASSAGE_FEATURES = 16, 3, 4
ABOUT = {"width": WIDTH, "features": FEATURES, "passage_features": PASSAGE_FEATURES}


def make(folder: Path, *, questions: int, seed: int = 0, kinds: int = 0) -> Dataset:
    """Windows of five passages, two windows a question, one passage of the first is evidence:
    its tokens lie near one vector. The prior's log-odds are noise. Where there are `kinds`, each
    question asks for things of so many."""
    look = np.random.default_rng(2).standard_normal(WIDTH)
    rng = np.random.default_rng(seed)
    ids = np.arange(30, dtype=np.int32)
    with DatasetWriter(folder, ABOUT) as writer:
        for _ in range(questions):
            count = int(rng.integers(1, 5))
            prompt = Prompt(
                ids=ids[:count],
                states=rng.standard_normal((count, WIDTH)).astype(np.float32),
                tokens=rng.random((count, FEATURES), np.float32),
                labels=rng.standard_normal((rng.integers(0, 3), WIDTH)).astype(np.float32),
                kinds=rng.standard_normal((kinds, WIDTH)).astype(np.float32),
                shortened=False,
            )
            number = writer.question(prompt)
            for window in range(2):
                lengths = rng.integers(1, 6, 5)
                ends = np.cumsum(lengths)
                units = np.stack([ends - lengths, ends], axis=1)
                right = int(rng.integers(0, 5)) if window == 0 else -1
                owner = np.repeat(np.arange(5), lengths)
                states = rng.standard_normal((len(owner), WIDTH)).astype(np.float32)
                states[owner == right] = _near(look, int((owner == right).sum()), rng)
                tags = np.where(owner == right, 1, 2).astype(np.int8)
                reading = Reading(
                    tokens=rng.random((len(owner), FEATURES), np.float32),
                    passages=rng.standard_normal((5, PASSAGE_FEATURES)).astype(np.float32),
                    odds=rng.normal(-2, 1, 5),
                    exact=np.zeros(5),
                    written=Written(np.zeros(len(owner)), np.zeros((len(owner), 0))),
                )
                targets = Targets(
                    tags=tags,
                    labels=(tags == 1).astype(np.int8),
                    passages=(np.arange(5) == right).astype(np.float32),
                    known=np.ones(5, bool),
                )
                scale = np.abs(states).max(axis=1) / 127
                packed = np.rint(states / scale[:, None]).astype(np.int8)
                writer.sample(
                    writer.window((packed, scale.astype(np.float32)), ids[: len(owner)]),
                    number,
                    units,
                    reading,
                    targets,
                    stands_for=1.0 + window,
                    coarse=False,
                )
    return Dataset(folder)


def _near(
    look: np.ndarray[tuple[int, ...], np.dtype[np.float64]], count: int, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    near = look + 0.7 * rng.standard_normal((count, WIDTH))
    return near.astype(np.float32)
