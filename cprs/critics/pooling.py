"""What a window's states say about each of its passages, beside the words.

Late pooling: a passage's vector is the mean of its token states, which have seen the whole
window. Late interaction: each of the question's tokens looks for its best match among the
passage's tokens (ColBERT, Khattab and Zaharia 2020), weighted by what its word is worth here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cprs.critics.postings import Ints
from cprs.critics.product import product, unit
from cprs.critics.survey import Survey, smooth

States = NDArray[np.float32]

FEATURES = (
    "cosine",
    "cosine_weighted",
    "window_cosine",
    "window_best",
    "cosine_around",
    "match",
    "match_weighted",
    "match_1",
    "match_2",
    "window_match",
    "meaning",
    "meaning_1",
    "window_meaning",
)
MATCHES = ("match", "worth_matched")
"""Of a token: its cosine with the question's token most like it, and the largest of its cosines
times what each token is worth beside the worthiest."""
_UNLIKE, _ALIKE = 0.25, 0.85
"""Cosines of token states: below the first two words have nothing in common, above the second
they mean the same."""
_PUNCTUATION = 0.02
"""The weight of a token of the question that belongs to no word."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as vectors of length 1: its mean (d,), the mean weighted by worth (d,), its
    tokens (q, d); their weights (q,), which add up to 1; and the mean over each word's tokens as
    a matrix (q, n)."""

    mean: States
    weighted: States
    tokens: States
    weights: States
    words: States

    @classmethod
    def of(cls, states: States, centre: States, found: Survey) -> Asked:
        """`states` (q, d) of the question's tokens; `centre` (d,) is what all texts share."""
        weights = np.full(len(states), _PUNCTUATION / max(len(states), 1), np.float32)
        words = np.zeros((len(states), len(found.worth)), np.float32)
        for number, (start, end) in enumerate(found.spans.tolist()):
            weights[start:end] = found.worth[number] / (end - start)
            words[start:end, number] = 1 / (end - start)
        weights /= max(float(weights.sum()), 1e-6)
        mean = states.mean(axis=0) if len(states) else centre
        weighted = weights @ states if len(states) else centre
        return cls(
            mean=unit(mean - centre),
            weighted=unit(weighted - centre),
            tokens=unit(states - centre),
            weights=weights,
            words=words,
        )


@dataclass(frozen=True, slots=True)
class Pooled:
    """`passages` (u, len(FEATURES)) and `tokens` (t, len(MATCHES)), float32."""

    passages: States
    tokens: States


def pool(
    states: States, units: Ints, asked: Asked, centre: States, found: Survey, window: int
) -> Pooled:
    """Features of the u passages `units` and the t tokens of a window with `states` (t, d).

    `window` is its number in the survey.
    """
    starts, lengths = units[:, 0], (units[:, 1] - units[:, 0])[:, None]
    late = unit(np.add.reduceat(states, starts, axis=0) / lengths - centre)
    whole = unit(states.mean(axis=0) - centre)
    both = np.stack([asked.mean, asked.weighted], axis=1)
    cosine, weighted = product(late, both).astype(np.float64).T
    count = len(units)
    here = np.zeros(count, np.int64)

    alike = _cosines(states, centre, asked.tokens)
    best = np.maximum.reduceat(alike, starts, axis=0)
    best_1 = _neighbours(best)
    best_2 = _neighbours(best_1)
    first = int(found.first[window])
    soft = np.clip((product(best, asked.words) - _UNLIKE) / (_ALIKE - _UNLIKE), 0, 1)
    held = np.maximum(soft, found.match[first : first + count])
    every = np.ones(count)
    columns = [
        cosine,
        weighted,
        every * float((whole * asked.mean).sum()),
        every * float(cosine.max()),
        smooth(cosine, (0.8, 0.5, 0.25), here),
        best.mean(axis=1) if best.shape[1] else 0 * every,
        _sum(best, asked.weights),
        _sum(best_1, asked.weights),
        _sum(best_2, asked.weights),
        every * _sum(best.max(axis=0), asked.weights),
        _sum(held, found.worth),
        _sum(_neighbours(held), found.worth),
        every * _sum(held.max(axis=0), found.worth),
    ]
    return Pooled(np.stack(columns, axis=1).astype(np.float32), _matches(alike, asked.weights))


def _matches(alike: States, weights: States) -> States:
    """`MATCHES` of cosines (t, q) with question tokens that weigh `weights` (q,)."""
    if not len(weights):
        return np.zeros((len(alike), len(MATCHES)), np.float32)
    worth = weights / max(float(weights.max()), 1e-6)
    return np.stack([alike.max(axis=1), (alike * worth).max(axis=1)], axis=1)


def _cosines(states: States, centre: States, tokens: States) -> States:
    """Cosines (t, q) of states less `centre` with vectors of length 1; no (t, d) copy is made."""
    square = np.einsum("td,td->t", states, states)[:, None]
    dots = product(states, np.concatenate([tokens, centre[None]]).T)
    square = square - 2 * dots[:, -1:] + (centre * centre).sum()
    apart = dots[:, :-1] - (tokens * centre).sum(axis=1)
    cosines: States = np.divide(apart, np.sqrt(np.maximum(square, 1e-6)), dtype=np.float32)
    return cosines


def _sum(values: States, weights: States) -> States:
    """The weighted sum over the last axis."""
    total: States = np.einsum("...q,q->...", values, weights)
    return total


def _neighbours(best: States) -> States:
    """The larger of a row and the rows beside it, column by column."""
    wide: States = best.copy()
    np.maximum(wide[1:], best[:-1], out=wide[1:])
    np.maximum(wide[:-1], best[1:], out=wide[:-1])
    return wide
