"""Things recognised by how they are written: addresses, links, numbers of a certain form.

An instruction that asks for all of them wants each, however little its surroundings say; a pattern
finds what no meaning tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import regex
from numpy.typing import NDArray

from cprs.critics.words import Pieces
from cprs.windows import Window

WORTH = 5.0
"""Log-odds that such a token gains, and the passage that holds it."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`asked`: how an instruction calls it; `written`: what it looks like in lower case."""

    asked: regex.Pattern[str]
    written: regex.Pattern[str]


def _pattern(asked: str, written: str) -> Pattern:
    return Pattern(
        regex.compile(rf"\b(?:{asked})\b", regex.IGNORECASE),
        regex.compile(written, regex.VERBOSE),
    )


_NUMBER = r"\d+(?:[.,\ ]\d{3})*(?:[.,]\d+)?"
_CURRENCY = r"(?:[$€£¥₹₩₽]|\b(?:usd|eur|gbp|chf|jpy|cny|inr|dollars?|euros?|pounds?|francs?|yen)\b)"

PATTERNS = {
    "email": _pattern(
        r"e-?mail\ address(?:es)?|(?:all|every|the|any)\ e-?mails?(?=[\s.!?]*$)",
        r"[\w.+\-]+@\w[\w\-]*(?:\.[\w\-]+)+",
    ),
    "url": _pattern(
        r"links?|hyperlinks?|urls?|web\ ?(?:sites?|pages?|addresses)",
        r"\b(?:[a-z][a-z+]{1,9}://|www\.)[^\s<>\"']+ | \b[a-z0-9\-]+(?:\.[a-z0-9\-]+)+/[^\s<>\"']+",
    ),
    "ip": _pattern(
        r"ip(?:v[46])?\ address(?:es)?|ips",
        r"""(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)
            | (?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}""",
    ),
    "phone": _pattern(
        r"(?:mobile\ |tele)?phone\ numbers?|phones|fax\ numbers?",
        r"""(?<![\w.,/:\-])(?!\d{4}-\d\d-\d\d\b)
            [+(]?\d(?:[\ ()./\-]{0,2}\d){6,14}(?![\w/:]|[.,\-]\d)""",
    ),
    "percent": _pattern(
        r"percentages?|percents?|per\ cents?", rf"{_NUMBER}\ ?(?:%|‰|percent\b|per\ cent\b)"
    ),
    "money": _pattern(
        r"prices?|amounts?\ of\ money|sums?\ of\ money|money|costs?",
        rf"{_CURRENCY}\ ?{_NUMBER} | {_NUMBER}\ ?(?:k|m|bn|million\b|billion\b)?\ ?{_CURRENCY}",
    ),
    "time": _pattern(
        r"times?\ of\ (?:the\ )?day|clock\ times?|times",
        r"(?<![\d.:])\d{1,2}(?::\d{2}){1,2}(?![\d:]) | \b\d{1,2}(?:[.:]\d{2})?\ ?[ap]\.?\ ?m\b",
    ),
    "uuid": _pattern(r"uuids?|guids?", r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
}


class Patterns:
    """Those that one instruction names. Stateless once made."""

    def __init__(self, pieces: Pieces, instruction: str) -> None:
        self._pieces = pieces
        self._written = [p.written for p in PATTERNS.values() if p.asked.search(instruction)]

    def odds(self, window: Window) -> NDArray[np.float64]:
        """What each of a window's tokens gains (t,): `WORTH` where it is part of something so
        written, 0 elsewhere."""
        gained = np.zeros(len(window))
        if self._written and len(window):
            text, starts = self._spell(window)
            for written in self._written:
                for found in written.finditer(text):
                    first = np.searchsorted(starts, found.start(), side="right") - 1
                    last = np.searchsorted(starts, found.end(), side="left")
                    gained[first:last] = WORTH
        return gained

    def _spell(self, window: Window) -> tuple[str, NDArray[np.int64]]:
        """A window's text as its tokens spell it, and where each token (t,) begins in that."""
        gaps = window.offsets[1:, 0] > window.offsets[:-1, 1]
        spaces = ["", *(" " if gap else "" for gap in gaps.tolist())]
        parts = [self._pieces.spell(window.token_ids[i : i + 1]) for i in range(len(window))]
        lengths = [len(space) + len(part) for space, part in zip(spaces, parts, strict=True)]
        starts = np.array([0, *accumulate(lengths[:-1])]) + np.array([len(s) for s in spaces])
        return "".join(s + p for s, p in zip(spaces, parts, strict=True)), starts
