"""Chat transcripts: turns with their speakers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cprs.checkpoint import cancellable
from cprs.formats.chars import on_clusters
from cprs.formats.clauses import clauses
from cprs.formats.lines import rows
from cprs.formats.passages import group, merge, passages
from cprs.formats.sections import SECTION_LIMIT
from cprs.formats.sentences import sentences
from cprs.formats.text import WORDLY, word_layout
from cprs.units import IntArray, Layout, Role, Units

_TIME = (
    r"(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}[ T,]{1,2})?"
    r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,3})?)?(?:\s?[AaPp][Mm])?"
)
_WHEN = rf"(?:[\[(<]{_TIME}[\])>]|{_TIME})"
_NAME = r"[^\W\d_][\w.'’\-]{0,24}(?:[ ][\w.'’\-()#]{1,24}){0,3}"
_COLON = r"[:：]"
# "Ann: ", "[10:02] Ann: ", "Speaker 1 (00:10): ", "**Ann**: ", "<ann> ", "10:02 - Ann: "
_SPEAKER = re.compile(
    rf"(?:#{{1,4}}[ ])?(?:{_WHEN}[ ]?[-–]?[ ]?)?"
    rf"(?:\*\*(?P<bold>{_NAME})(?:[ ]{_WHEN})?(?:{_COLON}\*\*|\*\*[ ]?{_COLON})"
    rf"|<(?P<angle>[@+%&~]?[\w\-\[\]\\^`{{}}|]{{1,30}})>(?=\s)"
    rf"|(?P<plain>{_NAME})(?:[ ]?(?P<when>{_WHEN}))?[ ]?{_COLON}(?!//))"
    r"(?:\s+|\Z|(?<=：))"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ASKERS = _words(
    "user human customer interviewer patient student caller q question 用户 患者 ユーザー"
)
_ANSWERERS = _words(
    "assistant system ai bot chatbot agent operator interviewee doctor teacher "
    "a answer moderator therapist chatgpt claude gpt 助手 客服 医生"
)
# What begins a line before a colon without being a name.
_LABELS = _words(
    "note warning caution tip hint example remember important summary background conclusion "
    "result results method methods update edit todo fixme error info debug warn trace "
    "notice fatal critical severe usage returns args parameters raises see first second third step "
    "chapter section figure table source title date subject from to cc this that"
)
_NAMED = re.compile(r"[^\W\d_](?:[\w'’\-]|\.(?!\w))*(?: [^\W\d_](?:[\w'’\-]|\.(?!\w))*)*\Z")
_SENTENCE = re.compile(r"[.!?…。！？][\"'”’)*]*\s*\Z")


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """Transcripts. A turn is a line that begins with a speaker and what follows it."""

    name: str = "chat"
    extensions: tuple[str, ...] = (".chat",)
    granularities: tuple[str, ...] = ("turn", "sentence", "section", "keyphrase", "word")

    def detect(self, sample: str) -> float:
        """High where a few speakers take turns; low for prose and for lists of "key: value"."""
        found = _marks(sample)[:400]
        if "</" in sample:
            # Tags of HTML look like the nicknames of IRC.
            found = [match for match in found if match["angle"] is None]
        names = [_speaker(match) for match in found]
        counts = Counter(names)
        lines = min(400, sum(1 for line in sample.splitlines() if line.strip()))
        if len(counts) < 2 or len(found) * 12 < lines:
            return 0.0
        share = 1 / len(names)
        roles = share * sum(n for name, n in counts.items() if _role(name))
        again = share * sum(n for n in counts.values() if n > 1)
        numbered = sum(name.startswith("speaker ") for name in counts) > 1
        paired = numbered or (any(map(_asks, counts)) and any(map(_answers, counts)))
        if paired and roles >= 0.6 and (again >= 0.5 or len(names) <= 4):
            return 0.9 * roles
        if len(found) * 4 < lines:
            return 0.0
        people = share * sum(_named(m) and _NAMED.match(_speaker(m)) is not None for m in found)
        marked = share * sum(map(_styled, found))
        if len(names) >= 4 and marked >= 0.7 and again >= 0.5 and people >= 0.8:
            return 0.96
        # Bare names: only a long talk in which a few come back, and say sentences, is one.
        changes = share * sum(a != b for a, b in pairwise(names))
        ends = [*(match.start() for match in found[1:]), len(sample)]
        said = [sample[match.end() : end] for match, end in zip(found, ends, strict=True)]
        prose = share * sum(_SENTENCE.search(words) is not None for words in said)
        talk = len(names) >= 6 and people >= 0.9 and changes > 0.4 and prose >= 0.5
        few = again > 0.8 and len(counts) * 2 <= len(names)
        return 0.7 if talk and (few or (again >= 0.5 and len(found) >= 0.9 * lines)) else 0.0

    def layout(self, text: str, granularity: str) -> Layout:
        """Turns, or sentences that bring their speaker along; a section is some turns."""
        if granularity in WORDLY:
            return word_layout(text, granularity, format=self.name)
        starts, ends = turns(text)
        found = sentences(text)
        bounds = merge(np.array([0, len(text)]), starts)
        if granularity == "sentence":
            units = _sentences(text, found, starts, ends)
        elif granularity == "section":
            units = Units.uniform(group(bounds, SECTION_LIMIT), granularity)
        else:
            units = Units.uniform(bounds, granularity)
        pieces = passages(text, merge(found, bounds), units.bounds)
        return Layout(self.name, granularity, units, pieces, finer=clauses)


def _speaker(match: re.Match[str]) -> str:
    return (match["bold"] or match["angle"] or match["plain"]).casefold()


def _asks(name: str) -> bool:
    return name in _ASKERS or name.split(" ")[0] in _ASKERS


def _answers(name: str) -> bool:
    return name in _ANSWERERS or name.split(" ")[0] in _ANSWERERS


def _named(match: re.Match[str]) -> bool:
    """Whether a mark may be somebody's name, not a label such as "Note" or a level of a log."""
    name = match["bold"] or match["angle"] or match["plain"]
    first, *others = name.split(" ")
    return first.lower() not in _LABELS and not any(word[:1].islower() for word in others)


def _styled(match: re.Match[str]) -> bool:
    """Whether a mark is more than a bare name."""
    return match["plain"] is None or match[0][0] in "[(#0123456789" or match["when"] is not None


def _role(name: str) -> bool:
    return _asks(name) or _answers(name) or name.split(" ")[0] == "speaker"


def _marks(text: str) -> list[re.Match[str]]:
    """What looks like a speaker's mark at the beginning of a line."""
    table = rows(text)
    begins = table.bounds[:-1][~table.blank].tolist()
    return [match for at in cancellable(begins) if (match := _SPEAKER.match(text, at))]


def turns(text: str) -> tuple[IntArray, IntArray]:
    """Where each turn begins, and where its speaker's mark ends (both (t,)).

    Where a user and an assistant talk, other marks ("Step 1: ") belong to what they say, and so
    do bare ones where marks carry the time or are set in bold.
    """
    found = _marks(text)
    names = [_speaker(match) for match in cancellable(found)]
    if any(map(_asks, names)) and any(map(_answers, names)):
        found = [match for match, name in zip(found, names, strict=True) if _role(name)]
    elif found and _styled(found[0]) and sum(map(_styled, found)) > 1:
        found = [match for match in found if _styled(match)]
    else:
        found = [match for match in found if _styled(match) or _named(match)]
    spans = np.array([match.span() for match in found], np.int64).reshape(-1, 2)
    return spans[:, 0], spans[:, 1]


def _sentences(text: str, found: IntArray, starts: IntArray, ends: IntArray) -> Units:
    """Sentences and, as FRAME, the speakers' marks before them."""
    if not len(starts):
        return Units.uniform(found, "sentence")
    # The mark of a turn without words stays a unit like any other.
    edges = on_clusters(text, merge(np.array([0, len(text)]), ends))
    split = (ends < np.append(starts[1:], len(text))) & np.isin(ends, edges)
    # A stop in a name ("Dr. Who: ") ends nothing.
    turn = np.searchsorted(starts, found, side="right") - 1
    named = (turn >= 0) & (found > starts[turn]) & (found < ends[turn])
    bounds = merge(found[~named], starts, ends[split])
    turn = np.searchsorted(starts, bounds[:-1], side="right") - 1
    speaker = np.where(split, np.searchsorted(bounds, starts), -1)
    parent = np.where(turn >= 0, speaker[turn], -1).astype(np.int32)
    frame = parent == np.arange(len(parent))
    parent[frame] = -1
    role = np.where(frame, Role.FRAME, Role.CONTENT).astype(np.uint8)
    return Units(bounds, ("sentence", "speaker"), frame.astype(np.uint8), parent, role)
