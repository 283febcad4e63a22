"""JSON Lines: a record per line."""

from __future__ import annotations

import json
import re

import numpy as np

from cprs.checkpoint import cancellable
from cprs.errors import TextError, unknown
from cprs.formats.json_scan import is_json, scan_json
from cprs.formats.passages import cut_long
from cprs.units import Layout, Role, Units

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BLANKS = " \t\r\n\ufeff"


class JsonlFormat:
    """JSON Lines (ndjson): a record is a line with its line end. Blank lines are never kept."""

    name = "jsonl"
    extensions = (".jsonl", ".ndjson", ".jsonlines")
    granularities = ("record",)

    def detect(self, sample: str) -> float:
        """High where each whole line of the sample is an object or array, and there are two."""
        lines = [line for line in sample.split("\n") if line.strip(_BLANKS)]
        if len(lines) < 2 or lines[0].lstrip(_BLANKS)[:1] not in ("{", "["):
            return 0.0
        # The sample may end inside its last line.
        whole = lines[:-1] if len(lines) > 2 or not is_json(lines[-1]) else lines
        if not all(line.lstrip(_BLANKS)[:1] in ("{", "[") and _valid(line) for line in whole):
            return 0.0
        return 0.97 if lines[-1].lstrip(_BLANKS)[:1] in ("{", "[") else 0.0

    def layout(self, text: str, granularity: str) -> Layout:
        """A unit per line. Raises `TextError` naming the first line that is not valid JSON."""
        if granularity not in self.granularities:
            raise unknown("granularity", granularity, self.granularities)
        bounds, blank = [0], []
        for number, match in enumerate(cancellable(_LINE.finditer(text)), 1):
            line = match[0].strip(_BLANKS) if number == 1 else match[0].strip(" \t\r\n")
            if line and not _valid(line):
                raise _broken(line, number)
            blank.append(not line)
            bounds.append(match.end())
        is_blank = np.array(blank, bool)
        units = Units(
            bounds=np.array(bounds, np.int64),
            kinds=("record", "blank"),
            kind=is_blank.astype(np.uint8),
            parent=np.full(len(blank), -1, np.int32),
            role=np.where(is_blank, Role.FRAME, Role.CONTENT).astype(np.uint8),
        )
        return Layout(
            format=self.name,
            granularity=granularity,
            units=units,
            passages=cut_long(text, units.bounds),
        )


def _valid(line: str) -> bool:
    try:
        json.loads(line.strip(_BLANKS))
    except (ValueError, RecursionError):
        # Python's own limits on depth and on digits are not the format's.
        return is_json(line.strip(_BLANKS))
    return True


def _broken(line: str, number: int) -> TextError:
    try:
        scan_json(line)
    except TextError as error:
        what = str(error).partition(", ")[2].partition(";")[0]
        return TextError(
            f"broken JSON Lines at line {number}, {what}; repair it or name another format"
        )
    raise AssertionError("only broken lines get here")
