"""Sentences."""

from __future__ import annotations

import numpy as np

from cprs.formats.chars import codes, on_clusters
from cprs.formats.passages import merge
from cprs.formats.stops import stop_ends
from cprs.formats.wraps import line_starts
from cprs.units import IntArray


def sentences(text: str) -> IntArray:
    """Bounds of the sentences, each with the white space after it.

    A sentence ends at a stop with the quotes and brackets that close after it (abbreviations,
    initials, decimals and list numbers apart), and at line ends that do not wrap prose. It
    depends on what is near: text appended later moves no earlier bound but the last ones.

    >>> text = "Dr. No paid 3.50. “Fine!” he said. 你好。再见！"
    >>> bounds = sentences(text).tolist()
    >>> [text[a:b] for a, b in zip(bounds, bounds[1:])]
    ['Dr. No paid 3.50. ', '“Fine!” he said. ', '你好。', '再见！']
    """
    if not text:
        return np.zeros(1, np.int64)
    points = codes(text)
    stops = np.fromiter(stop_ends(text, points), np.int64)
    # White space at either end of a text is not a sentence of its own.
    ink = len(text.rstrip())
    found = merge(np.array([0, len(text)]), stops[stops < ink], line_starts(text, points))
    return on_clusters(text, found)
