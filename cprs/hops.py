"""Multi-hop reading: the best evidence of one pass joins the query of the next.

Windows are read independently, so a fact that only another window's fact leads to is out of
reach in one pass (design: cross-window evidence).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cprs.errors import OptionError
from cprs.guidance import Guidance
from cprs.windows import Window

Scores = NDArray[np.float32]

MOST = 4
"""Passes at most."""
PASSAGES = 2
"""Passages of evidence that join the query."""
WEIGHT = 0.999
"""What a score of a later pass is worth beside one of the first: on a tie the first pass leads."""


def checked_hops(hops: object) -> int:
    """`hops`, if it is a number of passes. Raises `OptionError`."""
    if isinstance(hops, int | np.integer) and not isinstance(hops, bool) and 1 <= hops <= MOST:
        return int(hops)
    raise OptionError(f"hops must be 1 to {MOST}, got {hops!r}")


def follow(
    guidance: Guidance,
    texts: Sequence[str],
    windows: Sequence[Sequence[Window]],
    scores: Sequence[Scores],
) -> Guidance:
    """The guidance of the next pass: the query and the `PASSAGES` best passages found so far.

    `texts`, `windows`, `scores`: per document; `scores` (n,) over the document's tokens.
    """
    found: list[tuple[float, str]] = []
    for text, cut, score in zip(texts, windows, scores, strict=True):
        first = 0
        for window in cut:
            best = np.maximum.reduceat(score[first : first + len(window)], window.units[:, 0])
            for unit in np.argsort(-best, kind="stable")[:PASSAGES]:
                a, b = window.units[unit]
                piece = text[window.offsets[a, 0] : window.offsets[b - 1, 1]]
                found.append((float(best[unit]), piece))
            first += len(window)
    found.sort(key=lambda pair: -pair[0])
    evidence = [piece for score, piece in found[:PASSAGES] if score > 0]
    return replace(guidance, query="\n".join([guidance.question, *evidence]))


def combine(first: Sequence[Scores], later: Sequence[Scores]) -> list[Scores]:
    """Scores after a further pass, per document: a token keeps the better of both.

    A longer question is answered less fully by any passage, so the later scores lie lower: each
    counts as what stands at its rank, over all documents, among the first, if that is more.
    Keeping the better then takes from both rankings in turn.
    """
    one, two = np.concatenate(first), np.concatenate(later)
    _, group, sizes = np.unique(-two, return_inverse=True, return_counts=True)
    begins = np.cumsum(sizes) - sizes
    matched = np.sort(one)[::-1][begins][group] if len(one) else one
    better = np.maximum(one, np.float32(WEIGHT) * np.maximum(matched, two))
    return np.split(better, np.cumsum([len(scores) for scores in first])[:-1])
