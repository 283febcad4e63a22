"""Full stops and other marks: which of them end a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import regex

from cprs.checkpoint import cancellable
from cprs.formats.abbreviations import FINAL, MONTHS, NUMBERED, STARTERS, TITLES
from cprs.formats.chars import Codes, classify
from cprs.units import IntArray

_WIDE = frozenset("。！？；｡．︒")
_SPACED = "؟۔।॥።፧။។։‽"
_STOPS = ".!?…" + "".join(sorted(_WIDE)) + _SPACED
_CLOSERS = "\"'”’»›)\\]}*_`」』】》〉）］｝"
_CJK = r"\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
# Every part is matched whole, without looking ahead, so nothing is read twice.
_STOP = re.compile(
    rf"([{re.escape(_STOPS)}]+)((?:[{_CLOSERS}]|\[\d{{1,3}}\]|[ \u00a0\u202f]»| '')*)(\s*)"
)
_DOT = regex.compile(r"\.")
_ANY_STOP = regex.compile(f"[{re.escape(_STOPS)}]")
_INNER = regex.compile(r"[[\p{L}\p{N}]--[\p{Lu}\p{Han}\p{Hiragana}\p{Katakana}]]", regex.V1)
_IS_CJK = re.compile(rf"[{_CJK}「『（《【“‘]")
_WAS_CJK = re.compile(rf"[{_CJK}」』）》】”’]")
# After a quotation Japanese goes on with the particle that says who spoke.
_GOES_ON = re.compile(r"と|って|なんて|、|，|,|の|は|が|を|に|も|で(?!す)")
_TOKEN = re.compile(r"[^\s(\[{\"“‘«„/—–]*$")
_OPENERS = re.compile(r"[\"'“‘«„(\[*_¿¡<‹「『（《【]*")
_WORD = re.compile(r"[^\W\d_]+")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_VOWEL = re.compile(r"[aeiouyäöüáéíóúàèìòùâêîôûæøåаеёиоуыэюя]")
_LINE_ENDS = "\n\r\u2028\u2029"


def stop_ends(text: str, points: Codes) -> Iterator[int]:
    """Where a sentence begins because of the stop before it, in order.

    White space after a stop belongs to it up to the last line end, so a line keeps its indent.
    """
    end = len(text)
    done = 0
    for start in cancellable(_runs(points).tolist()):
        if start < done:
            continue
        match = _STOP.match(text, start)
        if match is None:
            continue
        done = match.end()
        if done < end and _ends(text, match):
            yield done if match[3] in ("", " ") else _place(match[3], match.start(3), done)


def _runs(points: Codes) -> IntArray:
    """Where a run of stops begins, but for full stops inside words and numbers."""
    classes = classify(points, [_DOT, _ANY_STOP, _INNER])
    stop = (classes == 1) | (classes == 2)
    start = stop.copy()
    start[1:] &= ~stop[:-1]
    start[:-1] &= ~((classes[:-1] == 1) & (classes[1:] == 3))
    return np.flatnonzero(start)


def _place(space: str, start: int, after: int) -> int:
    line = max(space.rfind(ch) for ch in _LINE_ENDS)
    return after if line < 0 else start + 1 + line


def _ends(text: str, match: re.Match[str]) -> bool:
    run, closers, space = match.groups()
    start, after = match.start(), match.end()
    if not (run == "." and space):
        if not _WIDE.isdisjoint(run):
            return _ends_wide(text, start, after, run, closers)
        if not space:
            return _ends_unspaced(text, start, after, run)
        if run[-1] in _SPACED:
            return True
    head = text[after]
    if head in ".!?…":
        return False  # ". . ."
    if not head.isalnum():
        head = text[_opened(text, after)]
    if head.islower():
        return _ends_before_lower(text, start, run, closers)
    if run != ".":
        # A question or an ellipsis before a capital, a number, a quotation.
        return True
    return closers not in ("", "*", "_", "`") or not _abbreviates(text, start, after, head)


def _opened(text: str, after: int) -> int:
    match = _OPENERS.match(text, after, after + 4)
    return min(match.end() if match else after, len(text) - 1)


def _ends_wide(text: str, start: int, after: int, run: str, closers: str) -> bool:
    if run == "．" and text[after].isdigit() and text[start - 1 : start].isdigit():
        return False
    return not (closers and closers[-1] in "」』）" and _GOES_ON.match(text, after))


def _ends_unspaced(text: str, start: int, after: int, run: str) -> bool:
    """Chinese and Japanese put no space after a stop; elsewhere it gets lost at times."""
    if text[after].isascii():
        word = _WORD.match(text, after)
        if word is None or word[0] not in STARTERS or text[word.end() : word.end() + 1] != " ":
            return False
        token = _token(text, start)
        return len(token) > 2 and token.isalpha() and token.islower()
    if not (_IS_CJK.match(text, after) and start and _WAS_CJK.match(text, start - 1)):
        return False
    return run[-1] != "…" or len(run) > 1


def _ends_before_lower(text: str, start: int, run: str, closers: str) -> bool:
    if run[-1] in "!?":
        return not closers
    if run != "." or closers:
        return False
    token = _token(text, start)
    # An abbreviation nobody listed has no vowel, a capital or stops of its own.
    plain = token.islower() and token.isalpha() and len(token) > 1
    if not plain or token in TITLES or token in FINAL or token in NUMBERED:
        return False
    return bool(_VOWEL.search(token)) or not token.isascii()


def _token(text: str, start: int) -> str:
    """The word right before a stop, without opening marks; only its end where it is long."""
    match = _TOKEN.search(text, max(0, start - 24), start)
    return match[0] if match else ""


def _abbreviates(text: str, start: int, after: int, head: str) -> bool:
    """Whether the single full stop at `start`, before no small letter, does not end a sentence."""
    token = _token(text, start)
    if not token:
        return False
    lower = token.lower()
    if lower in TITLES:
        return True
    if token.isdigit():
        return _numbers(text, start, after, token)
    if lower in NUMBERED and (head.isdigit() or head in "IVXivx"):
        return True
    if lower in FINAL:
        return lower != "etc" and head.isalpha() and not _starts(text, after)
    if len(token) == 1 or ("." in token and _INITIALS.fullmatch(token)):
        # An initial ("J. Smith", "U.S. Army", "z. B.") unless a new sentence plainly begins.
        if head.isdigit():
            return token.islower()  # "b. 1815"
        named = token != "I" and (token.isalpha() or len(token) > 1) and head.isalpha()
        return named and not _starts(text, after)
    return False


def _starts(text: str, after: int) -> bool:
    """Whether the word at `after` is one that begins sentences."""
    word = _WORD.match(text, _opened(text, after))
    return word is not None and word[0] in STARTERS


def _numbers(text: str, start: int, after: int, token: str) -> bool:
    """Whether digits and a stop are a list's number, or the day before a month."""
    before = text[max(0, start - len(token) - 8) : start - len(token)]
    line = before[max(before.rfind(ch) for ch in _LINE_ENDS) + 1 :]
    listed = not line.strip() and (len(line) < len(before) or start - len(token) <= len(before))
    word = _WORD.match(text, after)
    return listed or (len(token) < 3 and word is not None and word[0] in MONTHS)
