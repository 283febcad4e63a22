"""Rule rewards on words (eq. 12): `exact` and `cover`.

The released reward takes any answer that lies in the gold answer for right, "the" and "a" among
them, and lists that name everything. `cover` goes one way only: the gold answer, whole words in
order, must lie in the given one, which may neither enumerate nor deny.
"""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = frozenset(("a", "an", "the"))
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"\d+(?:\.\d+)?|[{_CJK}]|[^\W\d_{_CJK}]+", re.UNICODE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}", re.UNICODE)
_SIGN = re.compile(r"(?<![\w.)])[-−–](?=[\d.])")
_EITHER = re.compile(r"\bor\b|/|\||或", re.IGNORECASE)
_ITEMS = re.compile(r"[,;、，；\n]|\band\b")
_DENIALS = frozenset(("not", "never", "neither", "nor", "cannot", "isn", "wasn", "aren", "weren"))

MOST_ITEMS = 2
"""Parts of a list that an answer may have beyond the gold answer's own: "Paris, France" is no
enumeration."""
MOST_WORDS = 40
"""Words that an answer may have beyond twice the gold answer's: a longer one is no answer."""


def words(text: str) -> list[str]:
    """The words a text is compared by: compatibility forms and case folded, articles,
    punctuation and commas within numbers dropped, "U.S." as "us", a minus kept as "-".

    Each CJK character is a word. Articles stay where there is nothing else.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _THOUSANDS.sub("", text)
    text = _INITIALS.sub(lambda found: found[0].replace(".", ""), text)
    text = text.replace("'", "").replace("’", "")
    text = _SIGN.sub(" \0", text)
    found: list[str] = []
    end = 0
    for match in _WORD.finditer(text):
        found.append("-" + match[0] if "\0" in text[end : match.start()] else match[0])
        end = match.end()
    return [word for word in found if word not in _ARTICLES] or found


def exact(answer: str, gold: str) -> bool:
    """Whether both are the same words in the same order. Answers of no words at all, such as
    "?", are the same where they are the same characters."""
    given, wanted = words(answer), words(gold)
    if not wanted:
        return answer.strip() == gold.strip() != ""
    return given == wanted


def cover(answer: str, gold: str) -> bool:
    """Whether the gold answer's words lie, next to each other, in the answer.

    Not so where the answer offers alternatives, lists more than `MOST_ITEMS` further things,
    denies, or goes on for more than `MOST_WORDS` words, and the gold answer does not.
    """
    if exact(answer, gold):
        return True
    given, wanted = words(answer), words(gold)
    if not wanted or not _within(wanted, given):
        return False
    if len(given) > 2 * len(wanted) + MOST_WORDS:
        return False
    if _count(_EITHER, answer) > _count(_EITHER, gold):
        return False
    # Numbers with a comma have no parts.
    parts, own = (_THOUSANDS.sub("", text) for text in (answer, gold))
    if _count(_ITEMS, parts) > _count(_ITEMS, own) + MOST_ITEMS:
        return False
    return not (_DENIALS & set(given)) - set(wanted)


def _within(wanted: list[str], given: list[str]) -> bool:
    # NUL is in no word: a match begins and ends at a word's border.
    return f"\0{chr(0).join(wanted)}\0" in f"\0{chr(0).join(given)}\0"


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))
