"""Plain text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cprs.formats.chars import codes
from cprs.formats.clauses import clauses
from cprs.formats.keyphrases import join_content
from cprs.formats.levels import LEVELS
from cprs.formats.lines import filled_lines
from cprs.formats.passages import cut_long, merge, passages, passages_of_words
from cprs.formats.sentences import sentences
from cprs.formats.words import char_classes, words_of
from cprs.units import Layout, Units

WORDLY = ("word", "keyphrase")
"""Granularities finer than a passage."""


@dataclass(frozen=True, slots=True)
class TextFormat:
    """Prose, and whatever no other format claims."""

    name: str = "text"
    extensions: tuple[str, ...] = (".txt", ".text")
    granularities: tuple[str, ...] = (
        "sentence",
        "paragraph",
        "section",
        "line",
        "keyphrase",
        "word",
    )

    def detect(self, sample: str) -> float:
        """Low, so that any other format that is sure of itself comes first."""
        return 0.1

    def layout(self, text: str, granularity: str) -> Layout:
        """Units of one kind; none depends on another."""
        if granularity in WORDLY:
            return word_layout(text, granularity, format=self.name)
        bounds = filled_lines(text) if granularity == "line" else LEVELS[granularity](text)
        pieces = bounds if granularity == "sentence" else sentences(text)
        units = Units.uniform(bounds, granularity)
        return Layout(self.name, granularity, units, passages(text, pieces, bounds), finer=clauses)


def word_layout(text: str, granularity: str, *, format: str) -> Layout:
    """Words or keyphrases as units, with passages of whole sentences over them.

    A word longer than a passage may be is cut.
    """
    classes = char_classes(codes(text))
    borders = sentences(text)
    bounds = cut_long(text, merge(words_of(text, classes), borders))
    if granularity == "word":
        units = Units.uniform(bounds, "word")
    else:
        bounds, content = join_content(text, bounds, classes, borders)
        # A keyphrase of very long words would not fit a passage.
        whole = bounds
        bounds = cut_long(text, bounds)
        content = content[np.searchsorted(whole, bounds[:-1], side="right") - 1]
        plain = Units.uniform(bounds, "keyphrase")
        units = Units(
            plain.bounds, ("word", "keyphrase"), content.astype(np.uint8), plain.parent, plain.role
        )
    return Layout(format, granularity, units, passages_of_words(borders, bounds))
