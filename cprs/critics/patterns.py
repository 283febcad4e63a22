"""Things recognised by how they are written: addresses, links, numbers of a certain form.

An instruction that asks for all of them wants each, however little its surroundings say; a pattern
finds what no meaning tells apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import regex
from numpy.typing import NDArray

from cprs.critics.words import STOP_WORDS, Pieces
from cprs.windows import Window

WORTH = 5.0
"""Log-odds that such a token gains, and the passage that holds it; and that others lose where
nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`asked`: how an instruction calls it; `written`: what it looks like in lower case. `always`:
    it has no other form, as a price in words is one."""

    asked: regex.Pattern[str]
    written: regex.Pattern[str]
    always: bool


def _pattern(asked: str, written: str, *, always: bool = False) -> Pattern:
    return Pattern(
        regex.compile(rf"\b(?:{asked})\b", regex.IGNORECASE),
        regex.compile(written, regex.VERBOSE),
        always,
    )


_NUMBER = r"\d+(?:[.,\ ]\d{3})*(?:[.,]\d+)?"
_CURRENCY = r"(?:[$€£¥₹₩₽]|\b(?:usd|eur|gbp|chf|jpy|cny|inr|dollars?|euros?|pounds?|francs?|yen)\b)"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?<![\d.,:])\d{1,2}(?:st|nd|rd|th)?(?![\d:])"
_UNIT = (
    r"(?:[kmcµn]?m[²³23]?|km/h|mph|ha|acres?|[km]?g|mg|kg|t|tonnes?|tons?|[mc]?l|lit(?:er|re)s?|kwh|wh"
    r"|[km]?w|m?[va]|k?hz|[mg]hz|[kmg]?pa|bar|psi|k?cal|k?j|[kmgt]i?b|°\ ?[cfk]?|degrees?"
    r"|(?:kilo|centi|milli)?(?:met(?:er|re)|gram)s?|(?:kilo)?watts?(?:[\ \-]hours?)?|volts?"
    r"|inch(?:es)?|f(?:oo|ee)t|yards?|miles?|ounces?|oz|lbs?)(?![\w])"
)

PATTERNS = {
    "email": _pattern(
        r"e-?mail\ address(?:es)?|(?:all|every|the|any)\ e-?mails?(?=[\s.!?]*$)",
        r"[\w.+\-]+@\w[\w\-]*(?:\.[\w\-]+)+",
        always=True,
    ),
    "url": _pattern(
        r"links?|hyperlinks?|urls?|web\ ?(?:sites?|pages?|addresses)",
        r"\b(?:[a-z][a-z+]{1,9}://|www\.)[^\s<>\"']+ | \b[a-z0-9\-]+(?:\.[a-z0-9\-]+)+/[^\s<>\"']+",
        always=True,
    ),
    "ip": _pattern(
        r"(?:ip(?:v[46])?|host|network)\ address(?:es)?|ips",
        r"""(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)
            | (?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}""",
        always=True,
    ),
    "phone": _pattern(
        r"(?:mobile\ |tele)?phone\ numbers?|phones|fax\ numbers?",
        r"""(?<![\w.,/:\-])(?!\d{4}-\d\d-\d\d\b | \d{1,2}[./]\d{1,2}[./]\d{4}\b)
            [+(]?\d(?:[\ ()./\-]{0,2}\d){6,14}(?![\w/:]|[.,\-]\d)""",
        always=True,
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
    "date": _pattern(
        r"(?:calendar\ )?dates?",
        rf"""\b\d{{4}}([/\-])\d\d\1\d\d\b
            | (?<![\d./])\d{{1,2}}([./])\d{{1,2}}\2(?:\d{{4}}|\d\d)(?![\d./])
            | {_DAY}\ (?:of\ )?{_MONTH}(?:,?\ \d{{4}}\b)?
            | \b{_MONTH}\ (?:{_DAY}(?:,?\ \d{{4}}\b)?|\d{{4}}\b)""",
    ),
    "timestamp": _pattern(
        r"time\ ?stamps?",
        rf"""\b\d{{4}}-\d\d-\d\d[t\ ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z\b|\ ?[+\-]\d\d:?\d\d\b)?
            | (?<![\d.])1\d{{9}}(?:\d{{3}})?(?:\.\d+)?(?![\d.])
            | (?:\b{_MONTH}\ +\d{{1,2}}\ )?(?<![\d.:])\d\d:\d\d:\d\d(?:[.,]\d+)?""",
        always=True,
    ),
    "reference": _pattern(
        r"(?:reference|order|ticket|invoice|case|file|tracking|booking)\ (?:\w+\ \w+\ )?numbers?"
        r"|references",
        r"(?<![\w\-])(?:[a-z]{2,5}[\-/]?\d{3,}(?:[\-/]\d+)? | \#\d{2,})(?![\w])",
    ),
    "path": _pattern(
        r"(?:file\ )?paths?|paths?\ of\ (?:a\ |the\ )?files?|file\ ?names?",
        r"""(?<![\w./:])(?:~|\.{0,2})/[\w.\-]+(?:/[\w.\-]+)*
            | (?<![\w./:])[\w\-]+(?:/[\w.\-]+)*/[\w\-]+\.\w+
            | \b[a-z]:\\[\w.\-\\]+""",
    ),
    "version": _pattern(
        r"versions?(?:\ numbers?)?|releases?",
        r"""(?<![\w.])(?!\d{1,2}\.\d{1,2}\.\d{4}\b)
            (?:v(?:ersion)?\ ?\d+(?:\.\d+)* | \d+\.\d+\.\d+)(?![\w]|\.\d)""",
    ),
    "quantity": _pattern(
        r"measurements?|measured\ values?|quantit(?:y|ies)|physical\ quantities",
        rf"(?<![\w.,:]){_NUMBER}[\ \-]?{_UNIT}",
    ),
    "question": _pattern(
        r"(?<!answers?\ (?:to\ )?(?:the\ |these\ |all\ )?)questions",
        r"(?=\S)(?:[^.!?]|\.(?=\w))+\?",
    ),
    "uuid": _pattern(
        r"uuids?|guids?", r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", always=True
    ),
}
LEVELS = {
    "error": _pattern(
        r"errors?|failures?|fatal",
        r"(?<![\w.])(?:error|fatal|critical|severe|err|e(?=:\ ))(?![\w.])",
    ),
    "warning": _pattern(r"warn(?:ing)?s?", r"(?<![\w.])(?:warn(?:ing)?|w(?=:\ ))(?![\w.])"),
    "info": _pattern(
        r"info|informational|notices?", r"(?<![\w.])(?:info|notice|i(?=:\ ))(?![\w.])"
    ),
    "debug": _pattern(r"debug(?:ging)?|verbose", r"(?<![\w.])(?:debug|trace|d(?=:\ ))(?![\w.])"),
    "trace": _pattern(r"trace", r"(?<![\w.])trace(?![\w.])"),
}
"""Of log lines: they tell labels apart, whole lines at a time, where two levels are asked for. What
else such words may stand for is left to the layers."""
_NOTHING_MORE = STOP_WORDS | frozenset(
    (
        "extract find list give show keep get return select tag collect print output name report "
        "every each any given mentioned listed contained please text document lines sentences words"
    ).split()
)
_WORD = regex.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Written:
    """Log-odds that forms add in a window of t tokens: to each token's being meant at all (`tokens`
    (t,)) and to its being each of L labels (`labels` (t, L))."""

    tokens: NDArray[np.float64]
    labels: NDArray[np.float64]


class Patterns:
    """Those that one instruction names, and its labels: by `meanings`, the words that define each.
    Stateless once made."""

    def __init__(self, pieces: Pieces, instruction: str, meanings: Sequence[str] = ()) -> None:
        self._pieces = pieces
        self._asked = [
            pattern for pattern in PATTERNS.values() if pattern.asked.search(instruction)
        ]
        self._labels = [_called(meaning) for meaning in meanings]
        levels = [_level(meaning) for meaning in meanings]
        self._levels = levels if sum(level is not None for level in levels) > 1 else []
        rest = instruction
        for pattern in self._asked:
            rest = pattern.asked.sub(" ", rest)
        more = set(_WORD.findall(rest.lower())) - _NOTHING_MORE
        self._alone = not more and all(pattern.always for pattern in self._asked)

    def look(self, window: Window) -> Written:
        """What a window's tokens gain: `WORTH` where they are part of something so written; as much
        is lost elsewhere, where nothing else is asked for or the label has no other form."""
        gained = np.zeros(len(window))
        labels = np.zeros((len(window), len(self._labels)))
        if len(window) and (self._asked or any(self._labels) or self._levels):
            text, starts = self._spell(window)
            here = {p: _places(p, text, starts) for p in (*self._asked, *self._labels) if p}
            if self._asked:
                found = np.any([here[pattern] for pattern in self._asked], axis=0)
                gained = np.where(found, WORTH, -WORTH * self._alone)
            for number, label in enumerate(self._labels):
                if label is not None:
                    labels[:, number] = np.where(here[label], WORTH, -WORTH * label.always)
            owner = np.repeat(np.arange(len(window.units)), np.diff(window.units)[:, 0])
            for number, level in enumerate(self._levels):
                if level is not None:
                    held = np.unique(owner[_places(level, text, starts)])
                    labels[np.isin(owner, held), number] = WORTH
        return Written(gained, labels)

    def _spell(self, window: Window) -> tuple[str, NDArray[np.int64]]:
        """A window's text as its tokens spell it, and where each token (t,) begins in that."""
        gaps = window.offsets[1:, 0] > window.offsets[:-1, 1]
        spaces = ["", *(" " if gap else "" for gap in gaps.tolist())]
        parts = [self._pieces.spell(window.token_ids[i : i + 1]) for i in range(len(window))]
        lengths = [len(space) + len(part) for space, part in zip(spaces, parts, strict=True)]
        starts = np.array([0, *accumulate(lengths[:-1])]) + np.array([len(s) for s in spaces])
        return "".join(s + p for s, p in zip(spaces, parts, strict=True)), starts


def _called(meaning: str) -> Pattern | None:
    """What a label is by its name or by the words that define it."""
    name = meaning.strip().lower()
    by_name = PATTERNS.get(name) or PATTERNS.get(name.removesuffix("s"))
    return by_name or next((p for p in PATTERNS.values() if p.asked.search(meaning)), None)


def _level(meaning: str) -> Pattern | None:
    return next((level for level in LEVELS.values() if level.asked.search(meaning)), None)


def _places(pattern: Pattern, text: str, starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which tokens, beginning at `starts` (t,), are part of something so written."""
    found = np.zeros(len(starts), np.bool_)
    for match in pattern.written.finditer(text):
        first = np.searchsorted(starts, match.start(), side="right") - 1
        found[first : np.searchsorted(starts, match.end(), side="left")] = True
    return found
