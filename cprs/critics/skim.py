"""A first look: how probable it is that a window matters, from token ids alone.

Words come from the survey, which every question needs anyway. Meaning comes from *static vectors*,
one per token of the vocabulary: what the base says of it on average (as model2vec does), so that
a window can be compared with a question without the base. Costs 1 % of reading.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics.postings import Floats, Ints
from cprs.critics.product import product, unit
from cprs.critics.survey import (
    PASSAGE_FEATURES,
    QUESTION_FEATURES,
    Survey,
    documents_of,
    smooth,
    survey,
    widen,
)
from cprs.critics.words import Pieces
from cprs.errors import WeightsError
from cprs.windows import Window

SHIPPED = Path(__file__).parent.parent / "weights" / "skim.npz"
FORMAT = 1
DECIMALS = 3
"""Scores are rounded to this, so that the last bits of a sum do not decide between two windows."""

WORDS_ALONE = 3
"""The n-th window by words alone counts as three times n-th."""

Column = NDArray[np.float32]
Ids = NDArray[np.int32]

_UNLIKE, _ALIKE = 0.3, 0.8
"""Cosines of static vectors: below the first two words have nothing in common, above the second
they mean the same."""
_WORDS = "coverage_9"
_FAR = (0.8, 0.6, 0.4, 0.2)
"""Weights of the windows 1 to 4 away in a mean over neighbours."""

FEATURES = (
    *(f"best_{name}" for name in PASSAGE_FEATURES),
    "mean_bm25",
    "mean_coverage",
    "coverage_5",
    "coverage_9",
    "meaning",
    "meaning_of_three",
    "window_meaning",
    "windows_meaning",
    "meaning_5",
    "meaning_9",
    "likeness",
    "likeness_around",
    "passage_likeness",
    "relative_meaning",
    "relative_window_meaning",
    "relative_likeness",
    "relative_bm25_around",
    "tokens",
    "passages",
    *QUESTION_FEATURES,
)


@dataclass(frozen=True, slots=True)
class StaticVectors:
    """A vector per token of the vocabulary: `steps` (v, d) int8, of length 1 once normalised, and
    `worth` (v,) float32, what a token counts in a mean: less the more common it is (SIF, Arora et
    al. 2017)."""

    steps: NDArray[np.int8]
    worth: Column

    def __len__(self) -> int:
        return len(self.steps)

    def unit(self) -> Column:
        """The vectors (v, d), of length 1."""
        return unit(self.steps.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Ranking:
    """Features (f,) into a score: standardised by `mean` and `scale`, a linear map plus one layer
    of h hidden units."""

    mean: Floats
    scale: Floats
    linear: Floats
    hidden: Floats
    bias: Floats
    out: Floats

    def __call__(self, features: Column) -> Column:
        """Scores (n,) of features (n, f)."""
        x = np.clip((features - self.mean) / self.scale, -5, 5)
        inner = product(x, np.concatenate([self.linear[:, None], self.hidden], axis=1))
        active = inner[:, 1:] + self.bias
        active *= 0.5 + 0.5 * np.tanh(0.7978845608 * (active + 0.044715 * active**3))
        score = inner[:, 0] + product(active, self.out[:, None])[:, 0]
        rounded: Column = np.round(score, DECIMALS).astype(np.float32)
        return rounded


class Skim:
    """Ranks windows by how probable it is that they hold evidence."""

    def __init__(self, vectors: StaticVectors, ranking: Ranking) -> None:
        self.vectors = vectors
        self.ranking = ranking

    @cached_property
    def _unit(self) -> Column:
        return self.vectors.unit()

    @cached_property
    def digest(self) -> str:
        """Eight hexadecimal digits that identify it."""
        parts = [getattr(x, f.name) for x in (self.vectors, self.ranking) for f in fields(x)]
        return sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()[
            :8
        ]

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Skim:
        """Read what `save` wrote. Raises `WeightsError`."""
        try:
            with path.open("rb") as file, np.load(file) as arrays:
                held = {name: arrays[name] for name in arrays.files}
        except FileNotFoundError:
            raise WeightsError(f"no critic weights: {path} is missing; reinstall cprs") from None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise WeightsError(f"{path} cannot be read ({error}); reinstall cprs") from error
        names = tuple(map(str, held.get("features", np.zeros(0, "U1")).tolist()))
        if int(held.get("format", np.array(0))) != FORMAT or names != FEATURES:
            raise WeightsError(
                f"{path} was fitted for another version of cprs: reinstall cprs, or fit it again "
                "with python -m cprs.train.prior.skim"
            )
        return cls(
            StaticVectors(**{field.name: held[field.name] for field in fields(StaticVectors)}),
            Ranking(**{field.name: held[field.name] for field in fields(Ranking)}),
        )

    def save(self, path: Path) -> None:
        """Write it as one file of arrays."""
        arrays: dict[str, Any] = {"format": np.array(FORMAT), "features": np.array(FEATURES)}
        for part in (self.vectors, self.ranking):
            arrays |= {field.name: getattr(part, field.name) for field in fields(part)}
        data = io.BytesIO()
        np.savez_compressed(data, **arrays)
        path.write_bytes(data.getvalue())

    def __call__(self, pieces: Pieces, asked: Ids, windows: Sequence[Window]) -> Column:
        """A score per window (w,) under the question `asked` (q,): only the order counts."""
        return order(self.ranking, self.features(pieces, asked, windows))

    def features(self, pieces: Pieces, asked: Ids, windows: Sequence[Window]) -> Column:
        """Features (w, len(FEATURES)) of the w windows."""
        if not windows:
            return np.zeros((0, len(FEATURES)), np.float32)
        found = survey(pieces, asked, windows)
        look = _Look(found, windows)
        words = np.stack(
            [self._vector(asked[a:b]) for a, b in found.spans.tolist()]
            or [np.zeros(self._unit.shape[1], np.float32)]
        )
        near = product(self._unit, words.T) if len(found.spans) else np.zeros((len(self._unit), 0))
        topic = product(self._unit, self._vector(asked)[:, None])[:, 0]
        meaning = look.meaning(np.asarray(near, np.float32))
        likeness = look.likeness(topic.astype(np.float32), self.vectors.worth)
        return look.table(meaning, likeness)

    def _vector(self, ids: Ids) -> Column:
        """The mean vector of tokens, of length 1."""
        mean = self.vectors.worth[ids] @ self._unit[ids]
        return unit(np.asarray(mean, np.float32))


def order(ranking: Ranking, features: Column) -> Column:
    """Scores (w,) of windows with features (w, f): the better of two places, the one a ranking
    gives and the one by words alone, which counts `WORDS_ALONE` times.

    So of the windows that are read some are there for their words, whatever was learnt: an exact
    match of a rare word is not lost.
    """
    words = features[:, FEATURES.index(_WORDS)]
    learnt, exact = _places(ranking(features)), _places(np.round(words, DECIMALS))
    better: Column = -np.minimum(learnt, WORDS_ALONE * exact).astype(np.float32)
    return better


class _Look:
    """All windows of a request, as whole arrays."""

    def __init__(self, found: Survey, windows: Sequence[Window]) -> None:
        self._found = found
        self._ids = np.concatenate([window.token_ids for window in windows])
        self._tokens = np.array([len(window) for window in windows])
        lengths = np.concatenate([window.units[:, 1] - window.units[:, 0] for window in windows])
        self._passage_starts = np.cumsum(lengths) - lengths
        self._passage_lengths = lengths
        self._window_starts = found.first[:-1]
        self._document = documents_of(windows)
        self._group = np.repeat(self._document, np.diff(found.first))

    def meaning(self, near: Column) -> list[Floats]:
        """How much of the question's worth is meant here. `near` (v, n): cosines of the
        vocabulary with the question's n words."""
        passage = np.zeros(len(self._group))
        three = np.zeros(len(self._group))
        sums = [np.zeros(len(self._tokens)) for _ in range(4)]
        for number in range(near.shape[1]):
            soft = np.clip((near[:, number] - _UNLIKE) / (_ALIKE - _UNLIKE), 0, 1)
            best = np.maximum.reduceat(soft[self._ids], self._passage_starts)
            held = np.maximum(best, self._found.match[:, number]).astype(np.float64)
            share = float(self._found.worth[number])
            passage += share * held
            three += share * widen(held, 1, self._group)
            wide = np.maximum.reduceat(held, self._window_starts)
            for total, reach in zip(sums, (0, 1, 1, 2), strict=True):
                # What reaches r to either side, moved by s, reaches r + s.
                wide = widen(wide, reach, self._document) if reach else wide
                total += share * wide
        return [self._most(passage), self._most(three), *sums]

    def likeness(self, topic: Column, worth: Column) -> list[Floats]:
        """What the tokens have in common with the question as a whole: the mean over the window,
        over its neighbours, and of its best passage."""
        weight = worth[self._ids]
        value = topic[self._ids] * weight
        inside = [
            np.add.reduceat(x, self._passage_starts, dtype=np.float64) for x in (value, weight)
        ]
        passage = inside[0] / np.maximum(inside[1], 1e-6)
        whole = [np.add.reduceat(x, self._window_starts) for x in inside]
        window = whole[0] / np.maximum(whole[1], 1e-6)
        # A mean over few tokens strays further from zero.
        passage = passage * np.minimum(1, np.sqrt(self._passage_lengths / 24))
        return [window, smooth(window, _FAR, self._document), self._most(passage)]

    def table(self, meaning: list[Floats], likeness: list[Floats]) -> Column:
        """The features, given those of meaning and likeness."""
        found, first = self._found, self._window_starts
        counts = np.diff(found.first)
        best = np.maximum.reduceat(found.passages, first, axis=0).astype(np.float64)
        means = np.add.reduceat(found.passages[:, :2].astype(np.float64), first, axis=0)
        window = best[:, PASSAGE_FEATURES.index("window_coverage")]
        five = widen(widen(window, 1, self._document), 1, self._document)
        columns = [
            *best.T,
            *(means / counts[:, None]).T,
            smooth(window, _FAR[::2], self._document),
            smooth(five, _FAR, self._document),
            *meaning,
            *likeness,
            _relative(meaning[0]),
            _relative(meaning[2]),
            _relative(likeness[0]),
            _relative(best[:, PASSAGE_FEATURES.index("bm25_around")]),
            np.log1p(self._tokens),
            np.log1p(counts),
            *np.broadcast_to(found.question, (len(counts), len(found.question))).T,
        ]
        return np.stack(columns, axis=1).astype(np.float32)

    def _most(self, passages: Floats) -> Floats:
        """The largest of each window."""
        most: Floats = np.maximum.reduceat(passages, self._window_starts)
        return most


def _places(scores: Column) -> Ints:
    """The place of each in the order of scores, highest first, from 0."""
    places = np.empty(len(scores), np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return places


def _relative(values: Floats) -> Floats:
    """Values beside the request's largest."""
    share: Floats = values / max(float(values.max(initial=0)), 1e-6)
    return share
