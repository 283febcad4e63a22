"""Numbered passages, as retrieval puts them into a prompt: each is kept or dropped whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cprs.checkpoint import cancellable
from cprs.errors import unknown
from cprs.formats.chars import on_clusters
from cprs.formats.passages import merge, passages
from cprs.formats.sentences import sentences
from cprs.units import IntArray, Layout, Units

_WORDS = (
    "document|doc|passage|source|chunk|context|result|search result|snippet|reference|article|"
    "text|excerpt|paragraph|evidence|file|page|record|文档|文章|段落|资料|来源|片段|資料|文書|문서"
)
# "[1] ", "(1) ", "1. ", "Passage 1:", "Document [1](Title: ...)", "### Source 3", "文档1："
_NUMBER = re.compile(
    rf"^[ \t]{{0,12}}(?:[#*>-]{{1,4}}[ \t]{{0,12}})?(?P<word>{_WORDS})?"
    r"(?:[ \t]{0,12}(?:no\.?|nr\.?|#))?[ \t]{0,12}"
    r"(?P<open>[\[(【]?)(?P<number>\d{1,6})(?P<close>[\])】]?)(?P<after>[:：.、)]|[*_]{1,2}|(?=[\s(]))",
    re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile(
    r"^[ \t]{0,12}<(?P<tag>document|doc|passage|source|chunk|result|item|context|article|file|page|"
    r"snippet|search_result|excerpt|record)\b[^<>\n]{0,400}>",
    re.IGNORECASE | re.MULTILINE,
)
_FEWEST = 3
_PLAIN = 120  # code points on average from which "1. " begins a passage, not an item of a list


def numbered(text: str) -> IntArray:
    """Where each passage of a sequence of them begins (p,), or nothing where there is none.

    Passages are tags of one name, or begin with numbers that rise by one and look alike; a bare
    "1. " counts only where its paragraphs are long. The first begins within the first tenth.

    >>> text = "[1] Ann chaired it.\\n[2] Lunch was late.\\n[3] It rained.\\n"
    >>> numbered(text).tolist()
    [0, 20, 40]
    """
    tags: dict[str, list[int]] = {}
    for match in cancellable(_TAG.finditer(text)):
        tags.setdefault(match["tag"].lower(), []).append(match.start())
    runs = [starts for tag, starts in tags.items() if _closed(text, tag, starts)]
    runs.extend(_rising(text))
    early = [starts for starts in runs if starts[0] <= max(400, len(text) // 10)]
    longest = max(early, key=len, default=[])
    return np.array(longest if len(longest) >= _FEWEST else [], np.int64)


def _closed(text: str, tag: str, starts: list[int]) -> bool:
    """Whether each tag is closed before the next one opens."""
    close = re.compile(rf"</{tag}\s*>", re.IGNORECASE)
    return all(
        close.search(text, *between) for between in cancellable(pairwise([*starts, len(text)]))
    )


@dataclass(slots=True)
class _Run:
    """Starts of one style whose numbers rose by one so far. `marked`: by a word or bracket."""

    marked: bool
    number: int
    starts: list[int]


def _rising(text: str) -> Iterator[list[int]]:
    runs: list[_Run] = []
    last: dict[tuple[str, str, str], _Run] = {}
    for match in cancellable(_NUMBER.finditer(text)):
        word, bracket, after = match["word"] or "", match["open"] + match["close"], match["after"]
        if not word and not bracket and not after.strip("*_"):
            continue
        style = (word.lower(), bracket, after.strip("*_"))
        number, run = int(match["number"]), last.get(style)
        if run is not None and number == run.number + 1:
            run.number = number
            run.starts.append(match.start())
        elif run is None or number in (0, 1):
            last[style] = _Run(bool(word or match["open"]), number, [match.start()])
            runs.append(last[style])
    for run in runs:
        if run.marked or (len(text) - run.starts[0]) / len(run.starts) >= _PLAIN:
            yield run.starts


@dataclass(frozen=True, slots=True)
class NumberedFormat:
    """Numbered passages. Never detected: whoever builds a prompt of passages names it."""

    name: str = "passages"
    extensions: tuple[str, ...] = ()
    granularities: tuple[str, ...] = ("passage",)

    def detect(self, sample: str) -> float:
        """Always 0: lists and legal texts are numbered as well."""
        return 0.0

    def layout(self, text: str, granularity: str) -> Layout:
        """A unit per passage, and one for what comes before the first."""
        if granularity not in self.granularities:
            raise unknown(f"granularity of {self.name}", granularity, self.granularities)
        found = sentences(text)
        bounds = on_clusters(text, merge(np.array([0, len(text)]), numbered(text)))
        units = Units.uniform(bounds, "passage")
        return Layout(self.name, granularity, units, passages(text, merge(found, bounds), bounds))
