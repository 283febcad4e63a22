"""Document and question in one message, in either order: which is which."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cprs_server.planning.asking import CUE, LEAD, QUESTION_LABEL, Sense, Task, sense
from cprs_server.planning.blocks import Block, blocks
from cprs_server.planning.edges import Range, head, sentence_ranges, strip, tail

AROUND = 6_000
"""Code points outside of all blocks up to which they alone are the documents."""
QUERY = 1_000
"""Code points of a query at most."""

_LABEL_LINE = re.compile(
    r"[ \t>*#_\[-]{0,20}(?:here (?:is|are) )?(?:the |my )?[\w \t-]{0,30}?"
    r"(?:context|documents?|articles?|text|passages?|transcript|sources?|content|data|input|report|"
    r"e-?mails?|logs?|code|file|story|contract|background|information|references?|search results|"
    r"文章|文档|文本|原文|内容|资料|上下文|材料|背景)"
    r"[ \t]{0,9}[*_\]]{0,4}[ \t]{0,9}[:：][ \t*_]{0,9}(?:\n|\Z)",
    re.IGNORECASE,
)
_SUBSTANCE = re.compile(r"[^\W_]{4,}|[\u3040-\u9fff\uac00-\ud7af]{2}|\d+")
_VAGUE = 2
_TAG = re.compile(r"</?[A-Za-z][\w.-]*(?:\s[^<>]{0,400})?>")


@dataclass(frozen=True, slots=True)
class Found:
    """What a message holds: the ranges of its `documents` (all else is asking and never
    compressed), the `query` in its own words, and the `task`; None where nothing is asked."""

    documents: tuple[Range, ...]
    query: str = ""
    task: Task | None = None
    score: int = 0


@dataclass(frozen=True, slots=True)
class _Zone:
    """A range that asks, and the senses of its sentences."""

    range: Range
    senses: tuple[tuple[Range, Sense], ...]

    @property
    def score(self) -> int:
        return max((each.score for _, each in self.senses), default=0)


def find(text: str) -> Found:
    """Split a message into what it asks and what it asks about.

    Looks at what is set apart (tags, fences, quoted lines) and at both ends; the time it takes
    hardly depends on the length.

    >>> report = "Sales rose in May. " * 40
    >>> find(report + "\\n\\nWhen did sales rise?").query
    'When did sales rise?'
    """
    apart = blocks(text)
    held = [block for block in apart if not block.asks]
    asking = [block for block in apart if block.asks]
    outside = len(text) - sum(block.end - block.start for block in held)
    if held and outside <= min(AROUND, len(text) // 2):
        zones = [_zone(text, a, b, asking) for a, b in _gaps(held, len(text))]
        if any(zone.score for zone in zones):
            return _found(text, zones, _trimmed(text, [(b.start, b.end) for b in held]))
    return _from_edges(text, asking)


def _from_edges(text: str, asking: Sequence[Block]) -> Found:
    start, end = strip(text, 0, len(text))
    first, last = head(text, start, end), tail(text, start, end)
    if first > last:
        # The two zones meet: all of it is asking.
        first, last = end, end
    zones = [_zone(text, start, first), _zone(text, last, end)]
    zones[1:1] = [_zone(text, block.outer, block.after, asking) for block in asking]
    taken = sorted(zone.range for zone in zones if zone.range[0] < zone.range[1])
    documents, at = [], start
    for a, b in taken:
        if a > at:
            documents.append((at, a))
        at = max(at, b)
    documents.append((at, end))
    return _found(text, zones, _trimmed(text, documents))


def _gaps(held: Sequence[Block], length: int) -> list[Range]:
    edges = [0, *(edge for block in held for edge in (block.start, block.end)), length]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _trimmed(text: str, ranges: Sequence[Range]) -> tuple[Range, ...]:
    """Without white space around, and without a label such as "Context:" before it."""
    trimmed = []
    for start, end in ranges:
        a, b = strip(text, start, end)
        while label := _LABEL_LINE.match(text, a, b):
            a, b = strip(text, label.end(), b)
        if a < b:
            trimmed.append((a, b))
    return tuple(trimmed)


def _zone(text: str, start: int, end: int, asking: Sequence[Block] = ()) -> _Zone:
    """The senses of a range's sentences. What follows a label such as "Question:", or stands in
    one of the blocks `asking`, asks for sure."""
    senses = []
    labelled = False
    for a, b in _spoken(text, max(start, end - AROUND), end):
        label = QUESTION_LABEL.match(text[a:b])
        if label is not None:
            labelled, a = True, strip(text, a + label.end(), b)[0]
        if a >= b:
            continue
        each = sense(text[a:b])
        within = any(block.start <= a and b <= block.end for block in asking)
        if (labelled or within) and not CUE.match(text[a:b]):
            each = Sense(max(each.score, 5), each.task)
            labelled = False
        senses.append(((a, b), each))
    return _Zone((start, end), tuple(senses))


def _spoken(text: str, start: int, end: int) -> Iterator[Range]:
    """The sentences of a range, without tags."""
    at = start
    for tag in _TAG.finditer(text, start, end):
        yield from sentence_ranges(text, at, tag.start())
        at = tag.end()
    yield from sentence_ranges(text, at, end)


def _found(text: str, zones: Sequence[_Zone], documents: tuple[Range, ...]) -> Found:
    best = max((zone.score for zone in zones), default=0)
    if not best:
        return Found(documents)
    asking = [zone for zone in zones if zone.score == best]
    # Of two ends that ask as surely, the last decides, unless both speak of what is given.
    chosen = asking if best == 4 else asking[-1:]
    tasks = {each.task for zone in zones for _, each in zone.senses if each.score >= min(best, 3)}
    task: Task = next(task for task in ("whole", "overview", "question") if task in tasks)
    words = dict.fromkeys(
        " ".join(text[a:b].split()) for zone in chosen for a, b in _words(text, zone)
    )
    query = " ".join(words)
    if len(_SUBSTANCE.findall(query)) < _VAGUE:
        # "Any idea?" says nothing without what was told before.
        told = (text[a:b] for zone in zones if zone not in chosen for a, b in _told(text, zone))
        query = " ".join([*(" ".join(each.split()) for each in told), query])
    return Found(documents, query[:QUERY].strip(), task, best)


def _told(text: str, zone: _Zone) -> list[Range]:
    """The sentences of a zone that only tell something."""
    return [(a, b) for (a, b), each in zone.senses if not each.score and _tells(text[a:b])][:3]


def _words(text: str, zone: _Zone) -> list[Range]:
    """The sentences that say what is looked for; what leads up to them where that is short."""
    least = max(1, min(2, zone.score)) if zone.score < 5 else 3
    asks = [i for i, (_, each) in enumerate(zone.senses) if each.score >= least]
    near = range(asks[0] - 2, asks[-1] + 1)
    plain = [
        i
        for i, ((a, b), each) in enumerate(zone.senses)
        if i in near and not each.score and _tells(text[a:b])
    ]
    size = sum(b - a for a, b in (zone.senses[i][0] for i in plain))
    return [zone.senses[i][0] for i in sorted((*asks, *(plain if size <= 400 else ())))]


def _tells(words: str) -> bool:
    """Whether a sentence beside a question may say what it is about."""
    return not CUE.match(words) and not LEAD.search(words) and any(map(str.isalnum, words))
