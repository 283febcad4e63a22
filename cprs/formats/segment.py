"""From a text to its layout: the one entry point to all formats."""

from __future__ import annotations

from dataclasses import replace

from cprs.errors import TextError, unknown
from cprs.formats.base import Format
from cprs.formats.detect import detect_format
from cprs.formats.levels import canonical
from cprs.formats.registry import FORMATS, TEXT, find
from cprs.units import Layout


def segment(
    text: str,
    *,
    format: str | None = None,
    granularity: str | None = None,
    strict: bool = True,
    filename: str | None = None,
) -> Layout:
    """Cut `text` into units.

    `format`: a name of `known_formats()`; None detects it from `filename` and the text, and a
    text that then turns out broken (JSON cut short) is cut as plain text. `granularity`: one the
    format offers, also in the plural or by a usual other name; None is the format's default.
    A detected format that does not offer it is cut at its default; so is a named one with
    `strict=False` (the granularity was only read out of an instruction).

    Raises `OptionError` for unknown names and `TextError` where a named strict format is broken.
    """
    if format is not None:
        chosen = find(format)
        return chosen.layout(text, _level(chosen, granularity, strict))
    every = tuple(dict.fromkeys(level for each in FORMATS for level in each.granularities))
    if granularity is not None and strict and canonical(granularity, every) is None:
        raise unknown("granularity", granularity, every)
    chosen = find(detect_format(text, filename))
    try:
        return chosen.layout(text, _level(chosen, granularity, strict=False))
    except TextError as error:
        layout = TEXT.layout(text, _level(TEXT, granularity, strict=False))
        return replace(layout, warning=f"cut as plain text: {error}")


def _level(chosen: Format, granularity: str | None, strict: bool) -> str:
    if granularity is None:
        return chosen.granularities[0]
    level = canonical(granularity, chosen.granularities)
    if level is None and strict:
        raise unknown(f"granularity of {chosen.name}", granularity, chosen.granularities)
    return level or chosen.granularities[0]
