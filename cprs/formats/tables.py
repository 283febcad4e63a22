"""Tables with delimited fields (CSV, TSV): rows that bring their header along."""

from __future__ import annotations

import re

import numpy as np

from cprs.errors import unknown
from cprs.formats.chars import codes
from cprs.formats.delimited import cells, first_rows, names_columns, row_ends, sniff
from cprs.formats.passages import cut_long
from cprs.units import Layout, Role, Units

_HEADER, _ROW, _BLANK = range(3)
_DIRECTIVE = re.compile(r"\ufeff?sep=(.)(?:\r\n?|\n)", re.IGNORECASE)
_MARKDOWN = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*\Z")
_PROSE = re.compile(r"[.!?:][\"')]*\s*\Z")


class DelimitedFormat:
    """Rows of a table. The first is the header, a FRAME that every row depends on, unless its
    cells are clearly data.

    `delimiters`: what may separate fields; of several, the one that splits the first rows most
    evenly is taken, or the one that a first line such as `sep=;` names.
    """

    granularities = ("row",)

    def __init__(self, name: str, extensions: tuple[str, ...], delimiters: str) -> None:
        self._name = name
        self._extensions = extensions
        self._delimiters = delimiters

    @property
    def name(self) -> str:
        """The name a caller gives as `format=`."""
        return self._name

    @property
    def extensions(self) -> tuple[str, ...]:
        """File endings that name this format."""
        return self._extensions

    def detect(self, sample: str) -> float:
        """High where at least three rows have equally many fields, and two or more."""
        # The last row may be torn by the sample's end.
        sample = sample[: sample.rfind("\n") + 1]
        delimiter, even = sniff(sample, self._delimiters)
        rows = first_rows(sample, delimiter)
        if len(rows) < 3 or even < 0.95 or any(_MARKDOWN.match(row) for row in rows[:3]):
            return 0.0
        width = len(cells(rows[0], delimiter))
        # Prose and code, too, may have a comma or semicolon in every line.
        prose = sum(_PROSE.search(row) is not None for row in rows) / len(rows)
        if width < 2 or prose > 0.2 or (width == 2 and delimiter == ";"):
            return 0.0
        return min(0.9, 0.2 + 0.1 * min(width, 4) + 0.05 * min(len(rows), 6))

    def layout(self, text: str, granularity: str) -> Layout:
        """A unit per row; rows depend on the header where there is one."""
        if granularity not in self.granularities:
            raise unknown("granularity", granularity, self.granularities)
        directive = _DIRECTIVE.match(text)
        start = directive.end() if directive else 0
        delimiter = directive[1] if directive else sniff(text[: 1 << 17], self._delimiters)[0]
        top = first_rows(text, delimiter, start)
        has_header = len(top) > 1 and names_columns(cells(top[0], delimiter))
        ends = np.fromiter(row_ends(text, delimiter, start), np.int64)
        starts = np.append(start, ends[:-1])[: len(ends)]
        kind = np.where(np.isin(codes(text)[starts], (10, 13)), _BLANK, _ROW)
        bounds = np.append(0, ends)
        header = -1
        if has_header:
            header = int(np.argmax(kind == _ROW))
        elif start:  # the directive stands for one
            bounds, kind, header = np.append([0, start], ends), np.append(_HEADER, kind), 0
        kind[header : header + 1] = _HEADER
        parent = np.where(kind == _ROW, header, -1)
        units = Units(
            bounds=bounds.astype(np.int64),
            kinds=("header", "row", "blank"),
            kind=kind.astype(np.uint8),
            parent=parent.astype(np.int32),
            role=np.where(kind == _ROW, Role.CONTENT, Role.FRAME).astype(np.uint8),
        )
        return Layout(
            format=self.name,
            granularity=granularity,
            units=units,
            passages=cut_long(text, units.bounds),
        )


CSV = DelimitedFormat("csv", (".csv",), ",;\t|")
TSV = DelimitedFormat("tsv", (".tsv", ".tab"), "\t")
