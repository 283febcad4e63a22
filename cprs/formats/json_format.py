"""JSON documents: any selection of units is a valid document."""

from __future__ import annotations

import re

import numpy as np

from cprs.checkpoint import EVERY, cancellable, checkpoint
from cprs.errors import unknown
from cprs.formats.builder import UnitsBuilder
from cprs.formats.json_records import Opened, every, opened
from cprs.formats.json_scan import JsonValues, begins_json, is_json, scan_json
from cprs.formats.passages import cut_long
from cprs.units import PASSAGE_LIMIT, IntArray, Layout, Role, Units

_PIECE = 400  # code points of a passage inside a value that is too long to be one passage
_BEGINS = re.compile(r'\{\s*["}]|\[\s*[\[{"\]\dtfnN-]')


class JsonFormat:
    """JSON cut into records (the default) or into single members and elements.

    An opened object or array is a FRAME (its key and bracket) and a CLOSE; what it holds are
    its children, and commas are SEPARATORs. White space goes with what follows it, so a kept
    record keeps its indentation. Which values are opened: `cprs.formats.json_records`.
    """

    name = "json"
    extensions = (".json", ".geojson", ".ipynb", ".har", ".webmanifest")
    granularities = ("record", "member")

    def detect(self, sample: str) -> float:
        """High where the sample begins a JSON document; 0.2 where its first line is all of one."""
        first, _, rest = sample.removeprefix("\ufeff").lstrip().partition("\n")
        if not _BEGINS.match(first + "\n" + rest) or not begins_json(sample):
            return 0.0
        return 0.2 if rest.strip() and is_json(first) else 0.95

    def layout(self, text: str, granularity: str) -> Layout:
        """Units of the JSON document `text`; `TextError` names the place where it is broken."""
        if granularity not in self.granularities:
            raise unknown("granularity", granularity, self.granularities)
        values = scan_json(text)
        what = every(values) if granularity == "member" else opened(text, values)
        units = _units(text, values, what)
        return Layout(
            format=self.name,
            granularity=granularity,
            units=units,
            passages=_passages(text, values, units),
            required=(0,),
        )


def _units(text: str, values: JsonValues, what: Opened) -> Units:
    builder = UnitsBuilder()
    frames: list[tuple[int, int]] = []  # (value, unit) of what is open
    index, n = 0, len(values)
    first = True
    while index < n:
        if not len(builder) % EVERY:
            checkpoint()
        while frames and values.parent[index] != frames[-1][0]:
            _close(values, builder, frames)
            first = False
        around, parent = frames[-1] if frames else (-1, -1)
        if not first:
            comma = text.index(",", builder.end)
            builder.add(comma + 1, "comma", parent=parent, role=Role.SEPARATOR)
        first = bool(what.is_open[index])
        if first:
            head = values.head[index]
            kind = "object" if text[head - 1] == "{" else "array"
            frames.append((index, builder.add(head, kind, parent=parent, role=Role.FRAME)))
            index += 1
        else:
            kind = "value" if around < 0 else "record" if what.records[around] else "member"
            builder.add(values.end[index], kind, parent=parent)
            index = values.after[index]
    while frames:
        _close(values, builder, frames)
    builder.extend(len(text))
    return builder.build()


def _close(values: JsonValues, builder: UnitsBuilder, frames: list[tuple[int, int]]) -> None:
    value, unit = frames.pop()
    builder.add(values.end[value], "close", parent=unit, role=Role.CLOSE)


def _passages(text: str, values: JsonValues, units: Units) -> IntArray:
    """A passage per CONTENT unit with the brackets and commas around it; long ones are cut."""
    opens = units.role == Role.FRAME
    begins = (units.role == Role.CONTENT) | opens
    starts = units.bounds[:-1][begins & ~np.append(False, opens[:-1])]
    bounds = np.unique(np.concatenate([[0], starts, [len(text)]])).astype(np.int64)
    long = np.flatnonzero(np.diff(bounds) > PASSAGE_LIMIT)
    if not len(long):
        return bounds
    inner = np.frombuffer(values.start, np.int64)
    cuts = [bounds]
    for i in cancellable(long.tolist()):
        a, b = int(bounds[i]), int(bounds[i + 1])
        own = units.bounds[np.searchsorted(units.bounds, a) : np.searchsorted(units.bounds, b)]
        cuts += [own]
        for start, end in zip(own.tolist(), [*own[1:].tolist(), b], strict=True):
            if end - start > PASSAGE_LIMIT:
                low, high = np.searchsorted(inner, (start + 1, end))
                cuts.append(_packed(inner[low:high], start, end))
    return cut_long(text, np.unique(np.concatenate(cuts)).astype(np.int64))


def _packed(places: IntArray, start: int, end: int) -> IntArray:
    """Of the rising `places` in (start, end), those that cut it in pieces of about `_PIECE`."""
    chosen: list[int] = []
    while end - start > _PIECE and len(places):
        last = int(np.searchsorted(places, start + _PIECE, side="right"))
        start = int(places[max(last - 1, 0)])
        chosen.append(start)
        places = places[max(last, 1) :]
    return np.array(chosen, np.int64)
