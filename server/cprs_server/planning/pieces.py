"""Which ranges of a conversation may be compressed, under which query and in which format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from cprs.formats.numbered import numbered
from cprs_server.planning.asking import Task
from cprs_server.planning.asks import Ask, Asks
from cprs_server.planning.base import Options, Piece
from cprs_server.planning.counting import bound
from cprs_server.planning.edges import Range, strip
from cprs_server.planning.tools import file_of

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_WHOLE_STRING = 0.5
_FAR_LARGER = 0.34  # the share of its text that the longest of numbered passages may have


@dataclass(frozen=True, slots=True)
class Candidate:
    """A piece that may be planned. `task`: what its question needs. `passages`: where its
    numbered passages begin, if it is made of them, and `longest` the tokens of the longest."""

    piece: Piece
    task: Task
    passages: tuple[int, ...] = ()
    longest: int = 0


@dataclass(frozen=True, slots=True)
class Candidates:
    """All that may be compressed, and why the rest of the long texts may not: `unasked` texts have
    no query, `notes` are for people."""

    found: tuple[Candidate, ...]
    unasked: int = 0
    notes: tuple[str, ...] = ()


def candidates(asks: Asks, options: Options, count: Callable[[str], int]) -> Candidates:
    """The candidates of a conversation, in its order. `count`: the target's tokens of a text."""
    found: list[Candidate] = []
    notes: list[str] = []
    unasked = 0
    # An instruction alone says what to keep too.
    last = _given(options) or asks.before()
    for number, text in enumerate(asks.conversation.texts):
        if not _able(asks, number, options):
            continue
        ask = last
        if text.kind == "tool_result" and _given(options) is None:
            ask = asks.of_call(number)
        ranges = _ranges(asks, number)
        if ask is None:
            unasked += any(bound(text.text[a:b]) >= options.least for a, b in ranges)
            continue
        for start, end in ranges:
            piece = Piece(number, start, end, ask.query, 0, name=text.name)
            if text.kind == "tool_result" and not piece.name:
                piece = replace(piece, name=file_of(text.call, text.text))
            made = _candidate(text.text, piece, ask.task, options, count)
            if isinstance(made, str):
                notes.append(made)
            elif made is not None:
                found.append(made)
    return Candidates(tuple(found), unasked, tuple(dict.fromkeys(notes)))


def _given(options: Options) -> Ask | None:
    if options.query or options.instruction:
        return Ask(options.query or "", "question", -1)
    return None


def _able(asks: Asks, number: int, options: Options) -> bool:
    """Whether anything of a text may be touched."""
    text = asks.conversation.texts[number]
    if text.pinned or text.kind == "answer" or (text.kind == "system" and not options.system):
        return False
    return len(text.text) * 4 >= options.least and bound(text.text) >= options.least


def _ranges(asks: Asks, number: int) -> Sequence[Range]:
    text = asks.conversation.texts[number]
    if text.kind in ("document", "tool_result"):
        start, end = strip(text.text, 0, len(text.text))
        return [(start, end)] if start < end else []
    return _joined(text.text, asks.found(number).documents)


def _joined(text: str, ranges: Sequence[Range]) -> Sequence[Range]:
    """Blocks that stand in a row, as one range with the marks between them, where they are many
    and alike: they are passages then."""
    if len(ranges) < 3 or any(b - a > 400 for (_, a), (b, _) in pairwise(ranges)):
        return ranges
    start = text.rfind("\n", max(0, ranges[0][0] - 400), ranges[0][0] - 1) + 1
    end = text.find("\n", ranges[-1][1] + 1)
    end = len(text) if end < 0 else end
    between = text[start : ranges[0][0]]
    if not re.fullmatch(r"\s*<[^<>]+>\s*", between):
        return ranges
    starts = numbered(text[start:end])
    return [(start, end)] if len(starts) == len(ranges) else ranges


def _candidate(
    text: str, piece: Piece, task: Task, options: Options, count: Callable[[str], int]
) -> Candidate | str | None:
    """The candidate of one range; a note where it must be left alone; None where it is short."""
    words = text[piece.start : piece.end]
    if bound(words) < options.least:
        return None
    tokens = count(words)
    if tokens < options.least:
        return None
    piece = replace(piece, tokens=tokens)
    if _is_json(words):
        if _one_string(words):
            return "JSON that is mostly one string is left alone: it cannot be shortened and valid"
        return Candidate(replace(piece, format="json"), task)
    if options.granularity is not None:
        return Candidate(piece, task)
    starts = numbered(words)
    if not len(starts):
        return Candidate(piece, task)
    longest = int(np.diff(np.append(starts, len(words))).max())
    if longest > _FAR_LARGER * len(words):
        return Candidate(piece, task)
    return Candidate(
        replace(piece, format="passages"),
        task,
        passages=tuple((starts + piece.start).tolist()),
        longest=-(-tokens * longest // len(words)),
    )


def _is_json(words: str) -> bool:
    if words[0] not in "{[" or words[-1] not in "]}":
        return False
    try:
        json.loads(words)
    except (ValueError, RecursionError):
        return False
    return True


def _one_string(words: str) -> bool:
    """Whether one string makes up most of a JSON document: values are whole or absent."""
    if len(words) < 4_000 or words.count('"') > 10_000:
        return False
    return any(
        match.end() - match.start() > _WHOLE_STRING * len(words)
        for match in _STRING.finditer(words)
    )


def inside(text: str, candidate: Candidate, count: Callable[[str], int]) -> Iterator[Piece]:
    """The passages of a candidate as pieces of their own, without the lines that number them: for
    a budget that is too small to keep passages whole."""
    ends = (*candidate.passages[1:], candidate.piece.end)
    for start, end in zip(candidate.passages, ends, strict=True):
        a, b = _body(text, start, end)
        if a < b:
            yield replace(candidate.piece, start=a, end=b, tokens=count(text[a:b]), format=None)


_HEADER = re.compile(r"[ \t]*<[^<>]*>\s*|[^\n]{0,120}\n|[^\s]{1,20}[ \t]")


def _body(text: str, start: int, end: int) -> Range:
    header = _HEADER.match(text, start, end)
    a, b = strip(text, header.end() if header else start, end)
    close = text.rfind("</", a, b)
    if text[start:end].lstrip().startswith("<") and close >= a:
        a, b = strip(text, a, close)
    return a, b
