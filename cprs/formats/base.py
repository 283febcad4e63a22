"""The contract every format keeps."""

from __future__ import annotations

from typing import Protocol

from cprs.units import Layout


class Format(Protocol):
    """Cuts texts of one kind into units. Adding one: CONTRIBUTING.md."""

    @property
    def name(self) -> str:
        """The name a caller gives as `format=`."""
        ...

    @property
    def extensions(self) -> tuple[str, ...]:
        """File endings that name this format, with the dot."""
        ...

    @property
    def granularities(self) -> tuple[str, ...]:
        """The granularities this format can be cut at; the first is its default."""
        ...

    def detect(self, sample: str) -> float:
        """How sure the beginning of a text is of this format, from 0 to 1. Cheap and total."""
        ...

    def layout(self, text: str, granularity: str) -> Layout:
        """Cut `text` at one of `granularities`, in linear time.

        Raises `TextError`, naming the place, where a strict format (JSON) is broken.
        """
        ...
