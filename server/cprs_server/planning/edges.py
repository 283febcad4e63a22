"""Where asking ends and a document begins, at either end of a text without marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from cprs.formats.sentences import sentences
from cprs_server.planning.asking import CUE, LEAD, QUESTION_LABEL, sense
from cprs_server.planning.run_on import LONG, run_on

ZONE = 4_000
"""Code points at either end that are looked at."""

Range = tuple[int, int]

_SHORT = 700  # code points of a paragraph or line that may be asking as a whole
_LINES = 10  # lines of such a paragraph
_BETWEEN = 3  # paragraphs that only say how to answer, after the question or before it
_PARAGRAPHS = re.compile(r"\n[ \t\r]*\n\s*|\n[ \t]*(?:[-=*_#~]{3,})[ \t]*(?=\n|\Z)\s*")
_ROWS = re.compile(r"\n+")
_PAIR = re.compile(
    r"^[ \t>*_#-]{0,20}(?:a|answer|答|答案|回答)[ \t*_]{0,9}[:：][ \t*_]{0,9}\S", re.I | re.M
)
_INDENTED = re.compile(r"^(?:[ ]{2,}|\t)[^\s\d*•-]", re.M)
_CHOICES = re.compile(
    r"(?:[ \t]{0,9}[-(*]?[ \t]{0,9}[A-Ha-h1-9][).:][ \t]+[^\n]{1,300}(?:\n+|\Z)){2,}"
)


def sentence_ranges(text: str, start: int, end: int) -> list[Range]:
    """The sentences of [start, end), without the white space around them."""
    bounds = sentences(text[start:end]).tolist()
    found = (strip(text, start + a, start + b) for a, b in pairwise(bounds))
    return [(a, b) for a, b in found if a < b]


def strip(text: str, start: int, end: int) -> Range:
    """[start, end) without white space at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def tail(text: str, start: int, end: int) -> int:
    """From where on [start, end) asks; `end` if its end does not."""
    floor = max(end - ZONE, start + (end - start) // 2 if end - start > 200 else start)
    # What is above a label may ask too: "Now answer the question below."
    end = taken = _labelled(text, floor, end)
    between = 0
    for a, b in reversed(_parts(text, _PARAGRAPHS, floor, end)):
        if a > floor or floor == start:
            if _asks(text, a, b):
                taken = a
                continue
            if between < _BETWEEN and (_only_cues(text, a, b) or _CHOICES.fullmatch(text, a, b)):
                between += 1
                continue
        # The question may stand right below the document.
        inner = _lines_up(text, a, b)
        return inner if inner < b else taken
    return taken


def _labelled(text: str, floor: int, end: int) -> int:
    """Where the last "Question:" of the zone stands, if nothing answers it; else `end`."""
    near = text.rfind("\n", max(0, floor - _SHORT), floor) + 1
    *_, last = (None, *QUESTION_LABEL.finditer(text, near or floor, end))
    if last is None or _PAIR.search(text, last.end(), end):
        return end
    return last.start()


def _lines_up(text: str, start: int, end: int) -> int:
    """From where on the lines at the end of a long paragraph ask."""
    at = taken = end
    for a, b in reversed(_parts(text, _ROWS, start, end)):
        if b - a > _SHORT or (a == start and start > 0 and text[start - 1] != "\n"):
            up = _sentences_up(text, max(a, b - ZONE), b)
            return up if up < b and at in (taken, end) else taken
        if _asks(text, a, b):
            taken = at = a
        elif _only_cues(text, a, b):
            at = a
        else:
            up = _sentences_up(text, a, b)
            return up if up < b and taken in (at, end) else taken
    return taken


def _sentences_up(text: str, start: int, end: int) -> int:
    at = taken = end
    for a, b in reversed(sentence_ranges(text, start, end)):
        score = sense(text[a:b]).score
        if (not score or b - a > LONG) and (inner := run_on(text, a, b)) < b:
            return inner
        if score:
            taken = at = a
        elif CUE.match(text[a:b]):
            at = a
        else:
            break
    return taken if at == taken or taken < end else end


def head(text: str, start: int, end: int) -> int:
    """Up to where [start, end) asks; `start` if its beginning does not."""
    ceiling = min(end, start + ZONE, start + (end - start) // 2 if end - start > 200 else end)
    taken, open_to, between = start, start, 0
    for a, b in _parts(text, _PARAGRAPHS, start, ceiling):
        if b < ceiling or ceiling == end:
            if _asks(text, a, b) or (open_to > start and _after_label(text, open_to)):
                taken = open_to = b
                continue
            if _leads(text, a, b) and between < _BETWEEN:
                between += 1
                open_to = b
                # What leads over to the document belongs to a question before it.
                taken = b if taken > start else taken
                continue
        inner = _lines_down(text, a, b)
        return inner if inner > a else max(taken, open_to)
    return taken


def _after_label(text: str, at: int) -> bool:
    """Whether the line that ends at `at` is a label such as "Question:" alone."""
    return bool(QUESTION_LABEL.fullmatch(text[max(0, at - 80) : at].rpartition("\n")[2]))


def _lines_down(text: str, start: int, end: int) -> int:
    """Up to where the lines at the beginning of a long paragraph ask."""
    taken = start
    for a, b in _parts(text, _ROWS, start, end):
        if b == end or not (_asks(text, a, b) or (taken > start and _leads(text, a, b))):
            return max(taken, _sentences_down(text, a, min(b, a + ZONE)))
        taken = b
    return taken


def _sentences_down(text: str, start: int, end: int) -> int:
    taken = start
    for a, b in sentence_ranges(text, start, end):
        colon = re.search(r"[:：]\s", text[a:b])
        # "Summarise this article: The ..." asks up to its colon.
        until = a + colon.end() if colon is not None and b - a - colon.end() > 20 else b
        if sense(text[a:until]).score < 2 and not (taken > start and CUE.match(text[a:b])):
            break
        taken = until
        if until < b:
            break
    return taken if taken > start else 0


def _parts(text: str, marks: re.Pattern[str], start: int, end: int) -> list[Range]:
    return [*_split(text, marks, start, end)]


def _split(text: str, marks: re.Pattern[str], start: int, end: int) -> Iterator[Range]:
    at = start
    for match in marks.finditer(text, start, end):
        a, b = strip(text, at, match.start())
        if a < b:
            yield a, b
        at = match.end()
    a, b = strip(text, at, end)
    if a < b:
        yield a, b


def _asks(text: str, start: int, end: int) -> bool:
    """Whether a paragraph or line asks as a whole: what does not ask in it leads up to it."""
    if end - start > _SHORT or text.count("\n", start, end) >= _LINES:
        return False
    if len(_INDENTED.findall(text, start, end)) > 1:
        return False
    if _PAIR.search(text, start, end) and not _only_cues(text, start, end):
        return False
    if QUESTION_LABEL.search(text, start, end):
        return True
    ranges = sentence_ranges(text, start, end)
    scores = [sense(text[a:b]).score for a, b in ranges]
    rest = sum(
        not score and not CUE.match(text[a:b]) and not LEAD.search(text[a:b])
        for score, (a, b) in zip(scores, ranges, strict=True)
    )
    asking = sum(score > 0 for score in scores)
    if max(scores) == 1:
        return rest == 0
    edge = max(scores[0], scores[-1], *scores[-2:]) > 1
    return asking > 0 and (rest <= asking or (edge and rest <= 3))


def _only_cues(text: str, start: int, end: int) -> bool:
    ranges = sentence_ranges(text, start, end)
    return end - start <= _SHORT and all(CUE.match(text[a:b]) for a, b in ranges)


def _leads(text: str, start: int, end: int) -> bool:
    return end - start <= _SHORT and bool(LEAD.search(text[start:end]))
