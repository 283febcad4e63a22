"""Assembly: units kept into text, in source order, every span traceable to its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cprs.select import Candidates, Selection
from cprs.units import IntArray, Role


@dataclass(frozen=True, slots=True)
class Span:
    """A verbatim slice of a source: code points [start, end) of document number `document`.

    `score` in [0, 1] is the critic's; `label` one of the guidance's, or None where none applies or
    the critic does not tell labels apart.
    """

    start: int
    end: int
    label: str | None
    score: float
    document: int = 0


_BREAKS = "\n\r\u2028\u2029"
_GLUE = "\n"
_BETWEEN_DOCUMENTS = "\n\n"


@dataclass(frozen=True, slots=True)
class Assembler:
    """Turns selections of some documents' units into text. `labels`: the guidance's; a single one
    is every span's."""

    texts: Sequence[str]
    candidates: Sequence[Candidates]
    labels: Sequence[str] = ()

    def spans(self, selection: Selection) -> list[list[Span]]:
        """A span per kept unit, per document."""
        return [self._spans(document, selection) for document in range(len(self.texts))]

    def documents(self, selection: Selection) -> list[str]:
        """The kept text of each document: its spans' slices one after another.

        A line break is put between two spans only where what was dropped held one and none is
        left: lines stay lines.
        """
        spans = self.spans(selection)
        return ["".join(_slices(t, s)) for t, s in zip(self.texts, spans, strict=True)]

    def text(self, selection: Selection) -> str:
        """The kept text of all documents, with an empty line between two of them."""
        return _BETWEEN_DOCUMENTS.join(filter(None, self.documents(selection)))

    def tally(self, selection: Selection) -> tuple[dict[str, int], dict[str, int]]:
        """Units kept and dropped, by kind; a unit cut short counts as kept."""
        kept: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        for candidates, keep in zip(self.candidates, selection.keep, strict=True):
            units = candidates.layout.units
            content = units.role == Role.CONTENT
            for counts, mask in ((kept, keep), (dropped, ~keep)):
                codes, numbers = np.unique(units.kind[content & mask], return_counts=True)
                for code, number in zip(codes, numbers, strict=True):
                    counts[units.kinds[code]] += int(number)
        return dict(kept), dict(dropped)

    def _spans(self, document: int, selection: Selection) -> list[Span]:
        candidates = self.candidates[document]
        bounds, score = candidates.layout.units.bounds, candidates.score
        index = np.flatnonzero(selection.keep[document])
        ends = bounds[index + 1].copy()
        if selection.cut is not None and selection.cut[0] == document:
            _, unit, end = selection.cut
            ends[np.searchsorted(index, unit)] = end
        columns = bounds[index].tolist(), ends.tolist(), score[index].tolist()
        return [
            Span(start=start, end=end, label=label, score=value, document=document)
            for start, end, value, label in zip(
                *columns, self._named(candidates, index), strict=True
            )
        ]

    def _named(self, candidates: Candidates, index: IntArray) -> list[str | None]:
        """The labels of some units."""
        if len(self.labels) == 1:
            return [self.labels[0]] * len(index)
        if candidates.labels is None:
            return [None] * len(index)
        content = candidates.layout.units.role[index] == Role.CONTENT
        best = np.where(content, candidates.labels.best[index], -1)
        return [self.labels[number] if number >= 0 else None for number in best.tolist()]


def _slices(text: str, spans: list[Span]) -> Iterator[str]:
    end = None
    for span in spans:
        if end is not None and span.start > end:
            broken = text[end - 1] in _BREAKS or text[span.start] in _BREAKS
            if not broken and any(mark in text[end : span.start] for mark in _BREAKS):
                yield _GLUE
        yield text[span.start : span.end]
        end = span.end
