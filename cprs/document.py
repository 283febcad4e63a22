"""A document on its way through a run: as units, as tokens, as windows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cprs.checkpoint import checkpoint
from cprs.critics.base import TokenCritic
from cprs.formats import segment
from cprs.request import Request
from cprs.select import Pieces
from cprs.units import Layout
from cprs.windows import Encoded, Window, cut_windows


@dataclass(frozen=True, slots=True)
class Document:
    """A text, the units it may be kept by, its tokens, and the windows a critic reads."""

    text: str
    layout: Layout
    encoded: Encoded
    windows: list[Window]

    @classmethod
    def cut(cls, request: Request, number: int, critic: TokenCritic) -> Document:
        """Cut document `number` of a request for a critic."""
        text, guidance = request.documents[number], request.guidance
        layout = segment(
            text,
            format=request.formats[number],
            filename=request.filenames[number],
            granularity=guidance.granularity,
            strict=not guidance.inferred,
        )
        if len(request.documents) > 1:
            # Of many documents, one of which nothing is kept is left out as a whole.
            layout = replace(layout, required=())
        checkpoint()
        encoded = critic.encode(text)
        checkpoint()
        windows = cut_windows(encoded, layout.passages, size=critic.window)
        return cls(text, layout, encoded, windows)

    def pieces(self, unit: int) -> Pieces:
        """Where a unit may be cut short."""
        if self.layout.finer is None:
            return Pieces((), ())
        start, end = self.layout.units.bounds[unit : unit + 2].tolist()
        ends = self.layout.finer(self.text[start:end])[1:-1] + start
        # A speaker's name, or whatever else a colon ends, says nothing without what follows.
        if len(ends) and self.text[start : ends[0]].rstrip().endswith((":", "：")):
            ends = ends[1:]
        tokens = np.searchsorted(self.encoded.offsets[:, 0], np.append(start, ends))
        return Pieces(ends.tolist(), (tokens[1:] - tokens[0]).tolist())
