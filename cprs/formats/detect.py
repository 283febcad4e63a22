"""Which format a text is of."""

from __future__ import annotations

from cprs.formats.code import CodeFormat
from cprs.formats.registry import FORMATS, TEXT, by_extension, find

SAMPLE = 32_768
"""Code points at the beginning of a text that are looked at."""

_SURE = 0.5
_CERTAIN = 0.8


def detect_format(text: str, filename: str | None = None) -> str:
    """The name of the format of `text`; "text" where none is plain.

    A file's ending decides unless its format finds nothing of its own in the text and another is
    certain (a log named .json). Only the first `SAMPLE` code points are looked at.
    """
    sample = _sample(text)
    named = by_extension(filename) if filename is not None else None
    if named is not None:
        own = find(named)
        if isinstance(own, CodeFormat) or not sample.strip() or own.detect(sample) > 0:
            return named
    best, name = 0.0, TEXT.name
    for each in FORMATS:
        sure = each.detect(sample)
        if sure > best:
            best, name = sure, each.name
    if named is not None:
        return name if best >= _CERTAIN else named
    return name if best >= _SURE else TEXT.name


def _sample(text: str) -> str:
    """The beginning of a text, up to a line's end where there is one in the second half."""
    if len(text) <= SAMPLE:
        return text
    end = text.rfind("\n", SAMPLE // 2, SAMPLE)
    return text[: end + 1] if end > 0 else text[:SAMPLE]
