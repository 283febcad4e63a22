"""Logs: entries with their continuation lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from cprs.checkpoint import cancellable
from cprs.formats.clauses import clauses
from cprs.formats.lines import filled_lines, lines, rows
from cprs.formats.passages import group, merge, passages
from cprs.formats.sections import SECTION_LIMIT
from cprs.formats.text import WORDLY, word_layout
from cprs.units import IntArray, Layout, Units

_CLOCK = r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_DAY = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{2}/[A-Z][a-z]{2}/\d{4})"
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_LEVEL = (
    r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|SEVERE|CRIT|CRITICAL|FATAL|ALERT|EMERG|"
    r"PANIC|FINE|FINER|FINEST)"
)
_STAMP = (
    rf"{_DAY}[T :,_-]{{1,2}}{_CLOCK}{_ZONE}"  # ISO, log4j, syslog-ng, Apache error, nginx error
    rf"|(?:[A-Z][a-z]{{2}},?\s)?{_MONTH}\s{{1,2}}\d{{1,2}},?\s(?:\d{{4}}\s)?{_CLOCK}"
    rf"|\d{{1,2}}[\s-]{_MONTH}[\s-]\d{{4}}\s{_CLOCK}"
    rf"|\d{{6}}[ ]\d{{6}}(?:\s\d+)?\s{_LEVEL}\b"  # HDFS
    rf"|[IWEFDV]\d{{4}}\s{_CLOCK}"  # glog, klog
    r"|\d{10}(?:\d{3})?(?:\.\d{1,9})?\s(?=\S)"  # seconds or milliseconds since 1970
    r"|-\s\d{10}\s\d{4}\.\d{2}\.\d{2}\s"  # BGL, Thunderbird
)
# What an entry's first line begins with.
_STARTS = re.compile(
    rf"(?:<\d{{1,3}}>(?:1\s)?)?[\[(]?\s?(?:{_STAMP})"
    rf"|[\[(]?{_LEVEL}[\])]?(?:\s*[:|\[-]|\s{{1,6}}\S)"
    rf"|\[(?:\s{{0,4}}\d+\.\d{{6}}|{_CLOCK})\]\s"  # kernel, clock alone
    rf"|{_CLOCK}\s{{1,3}}[\[(|-]?\s?(?:{_LEVEL}\b|\[)"
    r'|(?:time|ts|timestamp|level|lvl)="?[\w:.+-]+"?\s\w+='  # logfmt
    r"|(?:\d{1,3}\.){3}\d{1,3}\s\S+\s\S+\s\[\d{2}/"  # access log
    r"|[0-9a-fA-F:]{3,39}\s\S+\s\S+\s\[\d{2}/"
)
# A first line that only looks so: a line that goes on is indented or part of a stack trace.
_GOES_ON = re.compile(r"[\s})\]]|Caused by:|Traceback|\.\.\. \d+ more|at \S+\(")


@dataclass(frozen=True, slots=True)
class LogFormat:
    """Log files. An entry is a line that begins like one, with the lines up to the next.

    In a text where no line begins like an entry, each line that is not indented is one.
    """

    name: str = "log"
    extensions: tuple[str, ...] = (".log", ".out", ".err", ".syslog")
    granularities: tuple[str, ...] = ("entry", "line", "section", "keyphrase", "word")

    def detect(self, sample: str) -> float:
        """The share of lines that begin an entry, or go on with one by their looks."""
        found = [line for line in sample.splitlines()[:400] if line.strip()]
        starts = sum(_STARTS.match(line) is not None for line in found)
        more = sum(_GOES_ON.match(line) is not None for line in found)
        if starts < 2 or starts * 20 < len(found):
            return 0.0
        share = (starts + more) / len(found)
        return min(0.95, share) if share >= 0.6 else share / 2

    def layout(self, text: str, granularity: str) -> Layout:
        """Entries or lines; a section is some neighbouring entries. Passages are lines."""
        if granularity in WORDLY:
            return word_layout(text, granularity, format=self.name)
        pieces = filled_lines(text)
        bounds = pieces if granularity == "line" else entries(text)
        if granularity == "section":
            bounds = group(bounds, SECTION_LIMIT)
        units = Units.uniform(bounds, granularity)
        finer = lines if granularity != "line" else clauses
        return Layout(self.name, granularity, units, passages(text, pieces, bounds), finer=finer)


def entries(text: str) -> IntArray:
    """Bounds of the entries of a log; lines before the first belong to it if they are blank."""
    table = rows(text)
    full = np.flatnonzero(~table.blank)
    begins = table.bounds[full].tolist()
    starts = [at for at in cancellable(begins) if _STARTS.match(text, at)]
    if not starts:
        starts = [at for at in cancellable(begins) if not _GOES_ON.match(text, at)]
    if begins and starts and begins[0] < starts[0]:
        starts.insert(0, begins[0])
    return merge(np.array([0, len(text)]), np.array(starts[1:], np.int64))
