"""Selection by tags: what is kept are the spans that a critic's tags mark, whatever the units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cprs.assemble import Span
from cprs.decode import Decoding, closed, decode, spaced
from cprs.document import Document
from cprs.errors import OptionError
from cprs.labels import unit_labels
from cprs.reading import Reading
from cprs.request import Request
from cprs.select import Candidates, Mask, Scores, Selection, unit_costs, unit_scores
from cprs.units import IntArray, Units


@dataclass(frozen=True, slots=True)
class Tagged:
    """`candidates` and `selection` of what is marked or protected, spans that overlap being one;
    `spans` as they were decoded, which may overlap."""

    candidates: list[Candidates]
    selection: Selection
    spans: tuple[Span, ...]


def by_tags(
    request: Request, documents: Sequence[Document], readings: Sequence[Reading], decoding: Decoding
) -> Tagged:
    """Decode every document's tags. Raises `OptionError` where the critic has none."""
    candidates: list[Candidates] = []
    keep = []
    spans: list[Span] = []
    labels = request.guidance.labels
    for number, (document, reading) in enumerate(zip(documents, readings, strict=True)):
        if reading.tags is None:
            raise OptionError("decode: this critic has no tags; leave it out, or name a hybrid")
        offsets = closed(document.encoded.offsets)
        found = decode(document.text, offsets, reading.tags.argmax(axis=1), decoding)
        marked = _merged(spaced(document.text, found.inner))
        tiles, inside = _tiles(marked, request.protect[number], len(document.text))
        forced = request.protected(number, tiles)
        candidates.append(
            Candidates(
                layout=replace(document.layout, units=tiles, required=(), finer=None),
                score=unit_scores(tiles, document.encoded, reading.keep),
                cost=unit_costs(tiles, document.encoded),
                forced=forced,
                labels=(
                    unit_labels(tiles, document.encoded, reading.labels, reading.tags)
                    if reading.labels is not None and len(labels) > 1
                    else None
                ),
            )
        )
        keep.append(inside | forced)
        label = labels[0] if len(labels) == 1 else None
        scores = _best(reading.keep, offsets, found.inner)
        spans += [
            Span(start=start, end=end, label=label, score=score, document=number)
            for (start, end), score in zip(found.bounds.tolist(), scores, strict=True)
        ]
    return Tagged(candidates, Selection(tuple(keep)), tuple(spans))


def _tiles(
    spans: IntArray, protected: Sequence[tuple[int, int]], length: int
) -> tuple[Units, Mask]:
    """The text cut where `spans`, which do not overlap, and protected ranges begin and end; and
    which of these units lie in a span."""
    ranges = np.array(protected, np.int64).reshape(-1, 2)
    bounds = np.unique(np.concatenate([[0, length], spans.ravel(), ranges.ravel()]))
    at = np.searchsorted(spans[:, 0], bounds[:-1], side="right") - 1
    ends = np.append(spans[:, 1], 0)  # at -1, before all spans, is none
    inside: Mask = bounds[:-1] < ends[at]
    units = Units.uniform(bounds.astype(np.int64), "span")
    return replace(units, kinds=("span", "rest"), kind=(~inside).astype(np.uint8)), inside


def _merged(spans: IntArray) -> IntArray:
    """Spans (m, 2) with those that overlap made one. Their starts rise."""
    if not len(spans):
        return spans
    reach = np.maximum.accumulate(spans[:, 1])
    fresh = np.append(True, spans[1:, 0] > reach[:-1])
    return np.stack([spans[fresh, 0], reach[np.append(fresh[1:], True)]], axis=1)


def _best(keep: Scores, offsets: IntArray, spans: IntArray) -> list[float]:
    """The best token's score of each span."""
    if not len(spans):
        return []
    first = np.searchsorted(offsets[:, 1], spans[:, 0], side="right")
    last = np.maximum(np.searchsorted(offsets[:, 0], spans[:, 1]), first + 1)
    padded = np.append(keep, np.float32(0))
    best: list[float] = np.maximum.reduceat(padded, np.stack([first, last], axis=1).ravel())[
        ::2
    ].tolist()
    return best
