"""The levels a text can be cut at, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cprs.errors import unknown
from cprs.formats.clauses import clauses
from cprs.formats.lines import lines, paragraphs
from cprs.formats.sections import sections
from cprs.formats.sentences import sentences
from cprs.formats.words import words
from cprs.units import IntArray

LEVELS: Mapping[str, Callable[[str], IntArray]] = MappingProxyType(
    {
        "word": words,
        "clause": clauses,
        "sentence": sentences,
        "line": lines,
        "paragraph": paragraphs,
        "section": sections,
    }
)
"""Each takes a text and returns bounds that rise from 0 to its length, in linear time."""

_ALIASES = MappingProxyType(
    {
        "phrase": "keyphrase",
        "key phrase": "keyphrase",
        "keyword": "keyphrase",
        "term": "keyphrase",
        "token": "word",
        "passage": "paragraph",
        "message": "turn",
        "utterance": "turn",
        "object": "record",
        "item": "record",
        "method": "function",
        "chapter": "section",
        "event": "entry",
    }
)


def split(text: str, level: str) -> IntArray:
    """Bounds of `text` cut at one of `LEVELS`. Raises `OptionError` for any other name."""
    if level not in LEVELS:
        raise unknown("level", level, tuple(LEVELS))
    return LEVELS[level](text)


def canonical(granularity: str, known: tuple[str, ...]) -> str | None:
    """The one of `known` that a caller's word means: as it is, in the plural, or another name.

    >>> canonical("Sentences", ("sentence", "line"))
    'sentence'
    """
    word = granularity.strip().lower().replace("_", " ").replace("-", " ")
    singular = word[:-1] if word.endswith("s") and not word.endswith("ss") else word
    if word.endswith(("ies", "sses")):
        singular = word[:-3] + "y" if word.endswith("ies") else word[:-2]
    for name in (word, singular, _ALIASES.get(word), _ALIASES.get(singular)):
        if name is not None and name in known:
            return name
    # A row of a table or an entry of a log is what a format calls a record, and back.
    for same in ({"record", "row", "entry"}, {"key phrase", "keyphrase"}, {"class", "function"}):
        if singular in same:
            return next((name for name in known if name in same), None)
    return None
