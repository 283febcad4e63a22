"""Rule reward on numbers (eq. 12): sign, percent, units and scales; nothing is evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite

TOLERANCE = 0.0015
"""Relative, as in the released reward."""
WHOLE = 10_000
"""Whole numbers below this are counts, years and the like: they must be the same."""

_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "millions": 1e6, "mn": 1e6,
    "m": 1e6, "billion": 1e9, "billions": 1e9, "bn": 1e9, "b": 1e9, "trillion": 1e12,
    "万": 1e4, "亿": 1e8,
}  # fmt: skip
_NUMBER = r"(?:\d{1,3}(?:[,\u00a0\u202f ]\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_FOUND = re.compile(
    rf"(?P<sign>[-+−–]?)\s*[$€£¥]?\s*(?P<sign2>[-−–]?)(?P<number>{_NUMBER})"
    r"(?:(?:e(?P<e>[-+]?\d{1,3})(?![a-z]))"
    r"|(?:\s*[x×*]\s*10\s*(?:\^|\*\*)\s*\{?(?P<ten>[-+]?\d{1,3})\}?))?"
    rf"(?:\s*/\s*(?P<under>{_NUMBER}))?"
    r"\s*(?P<percent>\\?%|％|percent\b|per cent\b|percentage points?\b)?"
    r"\s*(?P<scale>(?:hundreds?|thousands?|millions?|billions?|trillions?|mn|bn|k|m|b)\b|[万亿])?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written: its `value` before percent and scale, whether a `percent` sign or a
    `scale` such as a million (1 for none) follows, and whether it is `whole`."""

    value: float
    percent: bool
    scale: float
    whole: bool


def parse_number(text: str) -> Number | None:
    """The one number of a text, with whatever unit around it; None where there is none, or where
    there are several ("5 or 6", "3 of 7") and none stands alone behind the last "="."""
    text = text.replace("\\$", "$").replace("\\,", "").replace("≈", "=").rpartition("=")[2]
    found = [match for match in _FOUND.finditer(text) if _alone(match, text)]
    if len(found) != 1:
        return None
    match = found[0]
    whole = "." not in match["number"]
    value = float(re.sub(r"[,\u00a0\u202f ]", "", match["number"]))
    power = match["e"] or match["ten"]
    if power:
        try:
            value *= 10.0 ** int(power)
        except OverflowError:
            return None
        whole = False
    if match["under"]:
        under = float(re.sub(r"[,\u00a0\u202f ]", "", match["under"]))
        if not under:
            return None
        value, whole = value / under, False
    negative = any(sign and sign in "-−–" for sign in (match["sign"], match["sign2"]))
    if not isfinite(value):
        return None
    word = (match["scale"] or "").casefold()
    scale = _SCALES.get(word, _SCALES.get(word.removesuffix("s"), 1.0))
    return Number(-value if negative else value, bool(match["percent"]), scale, whole)


def numeric(answer: str, gold: str, *, tolerance: float = TOLERANCE) -> bool:
    """Whether both are the same number.

    The sign counts. Where one has a percent sign and the other has none, it is read either way
    (12% is 12 and 0.12); likewise a scale that only one names (3.2 million is 3.2 and 3,200,000).
    Values agree within `tolerance` of the gold one; small whole numbers must be the same.
    """
    given, wanted = parse_number(answer), parse_number(gold)
    if given is None or wanted is None:
        return False
    return any(
        _close(one, other, tolerance, exact=given.whole and wanted.whole)
        for one, other in _readings(given, wanted)
    )


def _readings(given: Number, wanted: Number) -> list[tuple[float, float]]:
    pairs = [(given.value, wanted.value)]
    if given.scale != wanted.scale:
        pairs = [(given.value * given.scale, wanted.value * wanted.scale)]
        if 1.0 in (given.scale, wanted.scale):
            pairs.append((given.value, wanted.value))
    if given.percent and not wanted.percent:
        pairs += [(one / 100, other) for one, other in pairs]
    elif wanted.percent and not given.percent:
        pairs += [(one, other / 100) for one, other in pairs]
    return pairs


def _close(given: float, wanted: float, tolerance: float, *, exact: bool) -> bool:
    if given == wanted:
        return True
    if exact and abs(wanted) < WHOLE and given == int(given):
        return False
    return abs(given - wanted) <= tolerance * abs(wanted)


def _alone(match: re.Match[str], text: str) -> bool:
    """Whether the digits are a number, not part of a word such as Q3 or COVID-19."""
    start = match.start("number")
    before = text[start - 1] if start else " "
    if before.isalpha() and before not in "万亿":
        return False
    sign = match["sign"] or match["sign2"]
    # The hyphen of a word is no sign.
    return not (sign and match.start() and text[match.start() - 1].isalpha())
