"""Code points of a JSON string, and where in its source they are written."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNIT = r"[^\\]+|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\."
_UNITS = re.compile(_UNIT)
_BLOCK = re.compile(rf"(?:{_UNIT}){{1,4096}}")


def encode(text: str) -> str:
    r"""`text` as the inside of a JSON string: nothing escaped that need not be.

    >>> encode('é"\n')
    'é\\"\\n'
    """
    inside = json.dumps(text, ensure_ascii=False)[1:-1]
    if inside.isascii():
        return inside
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", inside)


def source_offsets(source: str, offsets: Sequence[int]) -> list[int]:
    r"""Where code point number n of a JSON string starts in its `source`, which is given without
    its quotes, for each n in `offsets`, which ascend; its length stands for its end.

    A pair of surrogate escapes is one code point. Linear: blocks that none of `offsets` lies in
    are counted by the decoder in C. Raises `ValueError` for an offset beyond the end.

    >>> source_offsets(r'a\u00e9\nb', [0, 1, 2, 3, 4])
    [0, 1, 7, 9, 10]
    """
    if "\\" not in source:
        if offsets and offsets[-1] > len(source):
            raise _beyond(offsets[-1])
        return list(offsets)
    found: list[int] = []
    point = position = 0  # code point number `point` starts at `position`
    while len(found) < len(offsets):
        block = _BLOCK.match(source, position)
        if block is None:
            if offsets[-1] > point:
                raise _beyond(offsets[-1])
            found += [position] * (len(offsets) - len(found))
            break
        after = point + len(json.loads(f'"{block[0]}"'))
        if offsets[len(found)] < after:
            stop = bisect_left(offsets, after, len(found))
            inside = [offset - point for offset in offsets[len(found) : stop]]
            found += _inside(source, position, block.end(), inside)
        point, position = after, block.end()
    return found


def _inside(source: str, position: int, end: int, offsets: Sequence[int]) -> Iterator[int]:
    """Where in source[position:end] the code points with these numbers start."""
    point = index = 0
    for unit in _UNITS.finditer(source, position, end):
        start = unit.start()
        after = point + (1 if source[start] == "\\" else unit.end() - start)
        while offsets[index] < after:
            yield start + offsets[index] - point
            index += 1
            if index == len(offsets):
                return
        point = after


def _beyond(offset: int) -> ValueError:
    return ValueError(f"offset {offset} is beyond the end of its text")
