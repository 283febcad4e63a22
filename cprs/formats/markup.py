"""Sentences of markup: cut where a reader sees a break, never inside of a tag or comment."""

from __future__ import annotations

import re

import numpy as np

from cprs.checkpoint import cancellable
from cprs.formats.sentences import sentences
from cprs.units import IntArray

# A quoted attribute may hold ">"; a quote that never ends is no reason to read on to the end.
_TAG = re.compile(r"""<!--.*?(?:-->|\Z)|<(?:[^<>"']|"[^"<]*"|'[^'<]*')*>|<[^<>]*>""", re.DOTALL)
_ROW = re.compile(r"\s*<(?:tr|thead|tbody|table)[\s>]", re.IGNORECASE)


def outside_tags(text: str) -> IntArray:
    """Bounds of the sentences of a piece of HTML.

    >>> outside_tags("<p title='A. B. C'>One. Two.</p>").tolist()
    [0, 24, 32]
    """
    bounds = sentences(text)
    tags = [match.span() for match in cancellable(_TAG.finditer(text))]
    opens = np.array([a for a, _ in tags], np.int64)
    closes = np.array([b for _, b in tags], np.int64)
    # In a tag: more have opened before the place than have closed up to it.
    inner = np.searchsorted(opens, bounds) == np.searchsorted(closes, bounds, side="right")
    inner[[0, -1]] = True
    found: IntArray = bounds[inner]
    return found


def readable_sentences(text: str) -> IntArray:
    """As `outside_tags`, but a table's row stays whole: half of it would be another row."""
    return np.array([0, len(text)], np.int64) if _ROW.match(text) else outside_tags(text)
