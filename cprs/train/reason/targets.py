"""What a window's tokens and passages should have been: evidence, tags, what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cprs.train.prior.examples import INCOMPLETE
from cprs.train.sets.contexts import Context
from cprs.train.sets.data import Question
from cprs.windows import Window

B, I, O, E = 0, 1, 2, 3  # noqa: E741  # the tags' own names, in the order of `TokenScores.tags`
COARSE = frozenset({"section", "turn", "passage", "paragraph", "function"})
"""Levels of evidence at which not every sentence marked is needed."""
FINE = frozenset({"span", "word", "keyphrase"})
"""Levels at which a passage is evidence for the phrase it holds, however short."""


@dataclass(frozen=True, slots=True)
class Targets:
    """`tags` (t,) int8 over B I O E; `labels` (t,) int8, 0 outside and j for the jth label;
    `passages` (u,) float32, 1 for evidence; `known` (u,) bool, False where a passage is neither
    evidence nor not."""

    tags: NDArray[np.int8]
    labels: NDArray[np.int8]
    passages: NDArray[np.float32]
    known: NDArray[np.bool_]


def targets_of(
    context: Context,
    question: Question,
    windows: Sequence[Window],
    *,
    labels: Sequence[str] = (),
) -> list[Targets]:
    """Targets of every window of a context under one of its questions, asked for `labels`. A span
    that does not say what it is called counts as the first of them.

    A passage is evidence if evidence covers half of it; one that holds less is not known, unless
    none holds more or the evidence is marked phrase by phrase. In sets whose evidence is
    incomplete, other passages that hold an answer's words are not known.
    """
    shares = [_shares(window, question.evidence) for window in windows]
    half = question.level not in FINE and any((share >= 0.5).any() for share in shares)
    places = _places(context.text, question.answers) if context.source in INCOMPLETE else []
    number = {label: j for j, label in enumerate(labels, 1)}
    called = question.labels or tuple(labels[:1]) * len(question.evidence)
    numbers = [number.get(label, 0) for label in called] or [0] * len(question.evidence)
    return [
        _targets(window, share, half, question.evidence, numbers, places)
        for window, share in zip(windows, shares, strict=True)
    ]


def _targets(
    window: Window,
    share: NDArray[np.float64],
    half: bool,
    evidence: Sequence[tuple[int, int]],
    numbers: Sequence[int],
    places: Sequence[int],
) -> Targets:
    known = (share == 0) | (share >= 0.5) if half else np.ones(len(share), bool)
    start, end = _bounds(window)
    first, last = np.searchsorted(places, start), np.searchsorted(places, end)
    known &= (share > 0) | (first == last)
    tags, labels = _tags(window, evidence, numbers)
    return Targets(
        tags=tags,
        labels=labels,
        passages=((share > 0) & known).astype(np.float32),
        known=known,
    )


def _tags(
    window: Window, evidence: Sequence[tuple[int, int]], numbers: Sequence[int]
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """B, I..., E for each span, and its number; what continues across the window's edge is I
    there."""
    tags = np.full(len(window), O, np.int8)
    labels = np.zeros(len(window), np.int8)
    for (a, b), number in zip(evidence, numbers, strict=True):
        first = int(np.searchsorted(window.offsets[:, 1], a, side="right"))
        last = int(np.searchsorted(window.offsets[:, 0], b, side="left"))
        if first < last:
            tags[first:last] = I
            labels[first:last] = number
            if b <= window.end:
                tags[last - 1] = E
            if a >= window.start:
                tags[first] = B
    return tags, labels


def _shares(window: Window, evidence: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """The share (u,) of each passage's code points that is evidence."""
    start, end = _bounds(window)
    found = np.zeros(len(start))
    for a, b in evidence:
        if a < window.end and b > window.start:
            found += np.clip(np.minimum(end, b) - np.maximum(start, a), 0, None)
    shares: NDArray[np.float64] = found / np.maximum(end - start, 1)
    return shares


def _bounds(window: Window) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return window.offsets[window.units[:, 0], 0], window.offsets[window.units[:, 1] - 1, 1]


def _places(text: str, answers: Sequence[str]) -> list[int]:
    """Where an answer long enough to mean something stands, rising."""
    found: list[int] = []
    for answer in answers:
        if 3 < len(answer) < 60:
            place = text.find(answer)
            while place >= 0:
                found.append(place)
                place = text.find(answer, place + 1)
    return sorted(found)
