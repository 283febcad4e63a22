"""Rows and fields of delimited text, quoted as in RFC 4180, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, pairwise

from cprs.checkpoint import cancellable

_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d+)*|\.\d+)(?:[eE][-+]?\d+)?%?")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?(?:[T ].*)?|\d\d?[./]\d\d?[./]\d{2,4}(?: .*)?")
_SAMPLE_ROWS = 50


@lru_cache(maxsize=32)
def _field(delimiter: str) -> str:
    # A quote opens only at a field's start and closes only at its end, else it is a character
    # like any other: a stray one does not swallow the rest of the table.
    d = re.escape(delimiter)
    return rf'(?:"[^"]*(?:""[^"]*)*"(?=[{d}\r\n]|\Z)|[^{d}\r\n]*)'


@lru_cache(maxsize=32)
def _row(delimiter: str) -> re.Pattern[str]:
    field = _field(delimiter)
    end = r"(?:\r\n?|\n|\Z)"
    return re.compile(rf'[^"\r\n]*{end}|{field}(?:{re.escape(delimiter)}{field})*{end}')


def row_ends(text: str, delimiter: str, start: int = 0) -> Iterator[int]:
    """Where each row from `start` on ends, its line break included. Blank lines are rows.

    >>> list(row_ends('a,b\\n1,"x\\ny"\\n', ","))
    [4, 12]
    """
    for match in cancellable(_row(delimiter).finditer(text, start)):
        if match.end() > match.start():
            yield match.end()


def cells(row: str, delimiter: str) -> list[str]:
    """The fields of one row, without their quotes.

    >>> cells('1,"x, y",', ",")
    ['1', 'x, y', '']
    """
    row = row.rstrip("\r\n")
    pattern = rf"({_field(delimiter)})(?:{re.escape(delimiter)}|\Z)"
    found = [match[1] for match in re.finditer(pattern, row)]
    # A match at the very end is one more field only after a delimiter.
    if len(found) > 1 and not row.endswith(delimiter) and not found[-1]:
        found.pop()
    return [
        cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
        for cell in found
    ]


def first_rows(text: str, delimiter: str, start: int = 0) -> list[str]:
    """The first rows that are not blank."""
    found, at = [], start
    for end in islice(row_ends(text, delimiter, start), 2 * _SAMPLE_ROWS):
        if text[at:end].strip("\r\n"):
            found.append(text[at:end])
        at = end
    return found[:_SAMPLE_ROWS]


def sniff(text: str, delimiters: str) -> tuple[str, float]:
    """The delimiter that splits the first rows into equally many fields, and how evenly.

    The second value is the share of rows with the most common number of fields, 0 where that is
    one.
    """
    best, rank = delimiters[0], (0.0, 0)
    for delimiter in delimiters:
        widths = [len(cells(row, delimiter)) for row in first_rows(text, delimiter)]
        if not widths:
            continue
        width = max(set(widths), key=widths.count)
        even = widths.count(width) / len(widths) if width > 1 else 0.0
        if (even, width) > rank:
            best, rank = delimiter, (even, width)
    return best, rank[0]


def names_columns(row: list[str]) -> bool:
    """Whether a table's first row may be its header.

    Its cells are clearly data where one is a date or a number, unless the numbers count up as
    names do: years, or three and more in a row.
    """
    texts = [cell.strip() for cell in row]
    if any(_DATE.fullmatch(cell) for cell in texts):
        return False
    found = [cell for cell in texts if _NUMBER.fullmatch(cell)]
    if not found:
        return any(texts)
    if not all(cell.isdecimal() and len(cell) < 10 for cell in found):
        return False
    numbers = [int(cell) for cell in found]
    years = len(numbers) > 1 and all(1800 <= number < 2200 for number in numbers)
    steps = {b - a for a, b in pairwise(numbers)}
    return len(steps) == 1 and steps <= {-1, 1} and (years or len(numbers) > 2)
