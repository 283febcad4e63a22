"""Formats: how texts of each kind are cut into units (`segment`), and which there are."""

from cprs.formats.base import Format
from cprs.formats.detect import detect_format
from cprs.formats.registry import FORMATS, by_extension, known_formats, known_granularities
from cprs.formats.segment import segment

__all__ = [
    "FORMATS",
    "Format",
    "by_extension",
    "detect_format",
    "known_formats",
    "known_granularities",
    "segment",
]
