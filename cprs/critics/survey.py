"""What the words alone say about every passage of a request, before anything is read.

A word's worth is its rarity here. *Coverage* is the share of the question's worth that a stretch
of text holds; it is taken at several widths, since a sentence leans on its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cprs.critics.postings import Floats, Ints, Postings, damping, passages_of, rarity
from cprs.critics.words import STOP_WORDS, Lexicon, Pieces
from cprs.windows import Window

STOP_WEIGHT = 0.2
"""What a stop word is worth beside its rarity."""
WIDTHS = (1, 2, 4, 8, 16)
"""Passages to either side, each twice the one before: coverage of a neighbourhood."""
TERMS = 128
"""Distinct words of a question that are looked for, the first ones."""

PASSAGE_FEATURES = (
    "bm25",
    "coverage",
    *(f"coverage_{width}" for width in WIDTHS),
    "window_coverage",
    "windows_coverage",
    "bm25_around",
    "bm25_wide",
    "pairs",
    "pairs_2",
    "best_bm25",
    "best_coverage",
    "best_window",
    "length",
)
QUESTION_FEATURES = (
    "terms",
    "most_coverage",
    "most_bm25",
    "most_window",
    "present",
    "concentration",
    "rarest",
    "ties",
    "passages",
)


@dataclass(frozen=True, slots=True)
class Survey:
    """p passages in w windows; n words of the question, each once.

    `first` (w+1,): where each window's passages begin. `spans` (n, 2): a word's tokens in the
    question; `worth` (n,): its share of the question's worth, all together 1; `match` (p, n) in
    [0, 1]: how exactly a passage holds it. `passages` (p, len(PASSAGE_FEATURES)), `question`
    (len(QUESTION_FEATURES),). All but indices float32.
    """

    first: Ints
    spans: Ints
    worth: NDArray[np.float32]
    match: NDArray[np.float32]
    passages: NDArray[np.float32]
    question: NDArray[np.float32]


def survey(pieces: Pieces, asked: NDArray[np.int32], windows: Sequence[Window]) -> Survey:
    """Look for the words of the question `asked` (q,) in all `windows`, in linear time."""
    ids = np.concatenate([np.zeros(0, np.int32), *(window.token_ids for window in windows)])
    passage, count = passages_of(windows)
    first = np.append(0, np.cumsum([len(window.units) for window in windows], dtype=np.int64))
    window = np.repeat(np.arange(len(windows)), np.diff(first))
    document = documents_of(windows)
    text = _Text(pieces, ids, passage, count)

    order, spans = _spell(pieces, asked)
    places = {word: text.find(word) for word in spans}
    worth = np.zeros(len(spans))
    match = np.zeros((count, len(spans)), np.float32)
    bm25 = np.zeros(count)
    for number, word in enumerate(spans):
        frequency = text.postings.frequency(*places[word])
        worth[number] = rarity(frequency) * (STOP_WEIGHT if word in STOP_WORDS else 1)
        match[:, number] = np.minimum(frequency, 1)
        bm25 += worth[number] * frequency / (frequency + text.damping)
    total = max(float(worth.sum()), 1e-6)
    bm25 /= total
    share = worth / total

    cover = _Coverage(match, share, first, document)
    pairs = _pairs(order, dict(zip(spans, share.tolist(), strict=True)), places, text.postings)
    mean = np.add.reduceat(bm25, first[:-1]) / np.diff(first) if count else np.zeros(0)
    group = document[window]
    columns = [
        bm25,
        cover.passage,
        *cover.around,
        cover.window[window],
        cover.windows[window],
        smooth(bm25, (0.8, 0.6, 0.4, 0.2), group),
        smooth(mean, (0.9, 0.7, 0.5, 0.3), document)[window],
        pairs,
        widen(widen(pairs, 1, group), 1, group),
        bm25 / max(bm25.max(initial=0), 1e-6),
        cover.passage / max(cover.passage.max(initial=0), 1e-6),
        (cover.window / max(cover.window.max(initial=0), 1e-6))[window],
        np.log(np.bincount(passage, minlength=count) + 1.0),
    ]
    most = float(cover.passage.max(initial=0))
    about = [
        np.log1p(len(asked)),
        most,
        float(bm25.max(initial=0)),
        float(cover.window.max(initial=0)),
        float(share @ match.any(axis=0)),
        float(share.max(initial=0)),
        float(worth.max(initial=0)),
        np.log1p(np.count_nonzero(cover.passage >= 0.9 * most)),
        np.log1p(count),
    ]
    return Survey(
        first=first,
        spans=np.array(list(spans.values()), np.int64).reshape(-1, 2),
        worth=share.astype(np.float32),
        match=match,
        passages=np.stack(columns, axis=1).astype(np.float32),
        question=np.array(about, np.float32),
    )


def _spell(pieces: Pieces, asked: NDArray[np.int32]) -> tuple[list[str], dict[str, list[int]]]:
    """The question's words in order, and the first `TERMS` different ones with their tokens."""
    words = pieces.words(asked, np.zeros(len(asked), np.int64))
    order: list[str] = []
    spans: dict[str, list[int]] = {}
    for start, end in zip(words.start.tolist(), words.end.tolist(), strict=True):
        order.append(pieces.spell(asked[start:end]))
        if len(spans) < TERMS:
            spans.setdefault(order[-1], [start, end])
    return order, spans


class _Text:
    """The words of a request's text, ready to be searched."""

    def __init__(self, pieces: Pieces, ids: NDArray[np.int32], passage: Ints, count: int) -> None:
        words = pieces.words(ids, passage)
        self.postings = Postings(words.key, passage[words.start], count)
        first = self.postings.first
        spans = zip(words.start[first].tolist(), words.end[first].tolist(), strict=True)
        self._lexicon = Lexicon([pieces.spell(ids[a:b]) for a, b in spans])
        self.damping = damping(self.postings.lengths, self.postings.mean)

    def find(self, word: str) -> tuple[Ints, Floats]:
        return self.postings.places(*self._lexicon.match(word))


class _Coverage:
    """Shares of the question's worth at every width."""

    def __init__(
        self, match: NDArray[np.float32], share: Floats, first: Ints, document: Ints
    ) -> None:
        count = len(match)
        group = np.repeat(document, np.diff(first))
        self.passage = np.zeros(count)
        self.around = [np.zeros(count) for _ in WIDTHS]
        self.window = np.zeros(len(document))
        self.windows = np.zeros(len(document))
        for number in np.flatnonzero(match.any(axis=0)).tolist():
            wide, reach = match[:, number].astype(np.float64), 1
            self.passage += share[number] * wide
            window = np.maximum.reduceat(wide, first[:-1])
            self.window += share[number] * window
            self.windows += share[number] * widen(window, 1, document)
            for around, width in zip(self.around, WIDTHS, strict=True):
                # What reaches r to either side, moved by r, reaches 2r.
                wide = widen(wide, reach, group)
                reach = width
                around += share[number] * wide


def _pairs(
    order: Sequence[str],
    share: dict[str, float],
    places: dict[str, tuple[Ints, Floats]],
    postings: Postings,
) -> Floats:
    """The share of neighbouring words of the question that are neighbours in the passage too."""
    found, total = np.zeros(postings.count), 1e-6
    for left, right in dict.fromkeys(pairwise(order)):
        if left not in share or right not in share or {left, right} <= STOP_WORDS:
            continue
        pair = share[left] + share[right]
        total += pair
        (at, weight), (next_at, next_weight) = places[left], places[right]
        _, a, b = np.intersect1d(at + 1, next_at, assume_unique=True, return_indices=True)
        together = weight[a] * next_weight[b]
        same = postings.passage[at[a]] == postings.passage[next_at[b]]
        hit = np.zeros(postings.count)
        np.maximum.at(hit, postings.passage[at[a]][same], together[same])
        found += pair * hit
    held: Floats = found / total
    return held


def documents_of(windows: Sequence[Window]) -> Ints:
    """A number per window that changes where a new document begins: offsets start again."""
    start = np.array([window.start for window in windows], np.int64)
    end = np.array([window.end for window in windows], np.int64)
    new = np.zeros(len(windows), np.int64)
    new[1:] = start[1:] < end[:-1]
    return np.cumsum(new, dtype=np.int64)


def widen(values: Floats, reach: int, group: Ints) -> Floats:
    """The largest of a value and those `reach` to either side, within its group."""
    wide: Floats = values.copy()
    if len(values) > reach:
        inside = group[reach:] == group[:-reach]
        np.maximum(wide[reach:], values[:-reach], out=wide[reach:], where=inside)
        np.maximum(wide[:-reach], values[reach:], out=wide[:-reach], where=inside)
    return wide


def smooth(values: Floats, weights: Sequence[float], group: Ints) -> Floats:
    """A weighted mean of a value (weight 1) and its neighbours at 1, 2, ..., within its group."""
    total, weight = values.copy(), np.ones(len(values))
    for reach, share in enumerate(weights, 1):
        if len(values) <= reach:
            break
        inside = share * (group[reach:] == group[:-reach])
        total[reach:] += inside * values[:-reach]
        total[:-reach] += inside * values[reach:]
        weight[reach:] += inside
        weight[:-reach] += inside
    mean: Floats = total / weight
    return mean
