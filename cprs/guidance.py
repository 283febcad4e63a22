"""Guidance: what the reader is looking for, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guidance:
    """What to keep: an instruction, a query, the labels of spans, the granularity of units.

    `granularity` is None where neither the caller nor the instruction's words name one; the
    text's format then decides.
    """

    instruction: str = ""
    query: str = ""
    labels: tuple[str, ...] = ()
    granularity: str | None = None
