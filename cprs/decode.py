"""Tags into spans, as the published API of QwenLong-CPRS decodes them, in linear time.

Three steps, over the tags of a whole document, window after window:

1. gaps are bridged: between two tokens that are not O and less than `BRIDGE` apart all becomes I,
   where the first belongs to a run that a B began and no E has ended;
2. a span is a run without O; a B begins another;
3. a span needs more than `min_tokens` tokens. It reaches to where the token behind it begins, and
   with `complete_sentences` from the sign that ends the sentence before to the one that ends its
   own.

The published code means to bridge gaps on the way back from every E, too, but asks a list for a
method that only strings have, and passes over the error: so that has never happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.units import IntArray

PUBLISHED = "published"
"""The name of this way to decode, where there is a choice."""

BRIDGE = 20
"""Tokens that are so far apart are not bridged."""

B, I, O, E = range(4)  # noqa: E741  # the tags' own names
Codes = NDArray[np.uint8]

_SENTENCE_ENDS = '.。：？！"”?!\n'
_NOTHING_BUT = "（），。！"
"""A span is dropped that is a part of this."""
_SPACES = np.array([code for code in range(0x3001) if chr(code).isspace()], np.uint32)


@dataclass(frozen=True, slots=True)
class Decoding:
    """How tags become spans. `min_tokens`: spans have more than so many. `complete_sentences`:
    they are drawn out to whole sentences."""

    min_tokens: int = 4
    complete_sentences: bool = False


@dataclass(frozen=True, slots=True)
class Decoded:
    """Spans of a text in the order of their tokens. `bounds` (m, 2): code points as the published
    API returns them, `inner` (m, 2) without the white space at both ends. None is blank. With
    complete sentences they may overlap."""

    bounds: IntArray
    inner: IntArray


def decode(
    text: str,
    offsets: NDArray[np.integer[Any]],
    tags: NDArray[np.integer[Any]],
    decoding: Decoding | None = None,
) -> Decoded:
    """The spans of a text's n tokens with `offsets` (n, 2), rising, and `tags` (n,), numbers into
    B I O E.

    >>> tags = np.array([2, 0, 2, 3, 2])
    >>> offsets = np.array([[0, 2], [2, 6], [6, 8], [8, 13], [13, 14]])
    >>> decode("At four we leave.", offsets, tags, Decoding(min_tokens=1)).inner.tolist()
    [[3, 13]]
    """
    how = decoding or Decoding()
    codes = _codes(text)
    runs = _runs(bridged(tags))
    starts = np.asarray(offsets, np.int64)[:, 0]
    first = starts[runs[:, 0]]
    last = np.append(starts, len(text))[runs[:, 1]]
    enough = runs[:, 1] - runs[:, 0] > how.min_tokens
    if how.complete_sentences:
        first, last = _completed(codes, first, last, enough)
    bounds = np.stack([first[enough], last[enough]], axis=1)
    inner = _stripped(codes, bounds)
    said = np.array([_says_something(text, a, b) for a, b in inner.tolist()], np.bool_)
    return Decoded(bounds[said], inner[said])


def bridged(tags: NDArray[np.integer[Any]]) -> Codes:
    """Tags (n,) with their gaps bridged (step 1)."""
    codes: Codes = tags.astype(np.uint8)
    places = np.flatnonzero(codes != O)
    if len(places) < 2:
        return codes
    named, far = codes[places], np.diff(places, prepend=places[0]) >= BRIDGE
    # A run is open behind each of them if the last that decides about it says so.
    decides = (named != I) | far
    decider = np.maximum.accumulate(np.where(decides, np.arange(len(places)), 0))
    fill = (named[decider] == B)[:-1] & ~far[1:]
    steps = np.zeros(len(codes) + 1, np.int8)
    steps[places[:-1][fill] + 1] += 1
    steps[places[1:][fill]] -= 1
    found: Codes = np.where(np.cumsum(steps[:-1], dtype=np.int8) > 0, np.uint8(I), codes)
    return found


def closed(offsets: IntArray) -> IntArray:
    """Offsets (n, 2) in which a token takes the white space before it, as byte-level tokenizers
    have it."""
    ends = np.concatenate([np.zeros(1, np.int64), np.maximum.accumulate(offsets[:, 1])])
    return np.stack([np.minimum(offsets[:, 0], ends[:-1]), offsets[:, 1]], axis=1)


def spaced(text: str, spans: IntArray) -> IntArray:
    """Spans (m, 2), each with the white space behind it."""
    visible = np.flatnonzero(~np.isin(_codes(text), _SPACES))
    end = np.append(visible, len(text))[np.searchsorted(visible, spans[:, 1])]
    return np.stack([spans[:, 0], end], axis=1)


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _runs(tags: Codes) -> IntArray:
    """Runs (m, 2) of tokens without O, cut before every B."""
    inside = tags != O
    before = np.append(np.zeros(1, np.bool_), inside)[:-1]
    begins = inside & ((tags == B) | ~before)
    first = np.flatnonzero(begins)
    # A run ends where the next begins, or at the next O.
    stops = np.flatnonzero(begins | ~inside)
    last = np.append(stops, len(tags))[np.searchsorted(stops, first, side="right")]
    return np.stack([first, last], axis=1).astype(np.int64)


def _completed(
    codes: NDArray[np.uint32], first: IntArray, last: IntArray, enough: NDArray[np.bool_]
) -> tuple[IntArray, IntArray]:
    """Runs that are long `enough` drawn out to sentences, but not back into the run before."""
    ends = np.flatnonzero(np.isin(codes, np.array([ord(c) for c in _SENTENCE_ENDS], np.uint32)))
    size = len(codes)
    behind = np.append(ends + 1, size)[np.searchsorted(ends, np.maximum(last, 1) - 1)]
    # The published loop stops one short of the text's end, and asks of the code point before the
    # first one what Python answers: the last.
    drawn = np.minimum(behind, size - 1)
    if size and ends.size and ends[-1] == size - 1:
        drawn = np.where(last == 0, 0, drawn)
    last = np.where(enough & (last < size), drawn, last)
    before = np.concatenate([np.zeros(1, np.int64), ends + 1])
    back = before[np.searchsorted(ends, first - 1, side="right")]
    previous = np.concatenate([np.full(1, -1), last])[:-1]
    back = np.where(first <= previous, first, np.maximum(back, previous))
    return np.where(enough, np.maximum(back, 0), first), last


def _stripped(codes: NDArray[np.uint32], bounds: IntArray) -> IntArray:
    """`bounds` (m, 2) without white space at both ends; of blank ones both are the same."""
    visible = np.flatnonzero(~np.isin(codes, _SPACES))
    size = len(codes)
    start = np.append(visible, size)[np.searchsorted(visible, bounds[:, 0])]
    end = np.append(visible + 1, 0)[np.searchsorted(visible, bounds[:, 1]) - 1]
    blank = start >= np.minimum(end, bounds[:, 1])
    return np.stack(
        [np.where(blank, bounds[:, 0], start), np.where(blank, bounds[:, 0], end)], axis=1
    )


def _says_something(text: str, start: int, end: int) -> bool:
    return start < end and (end - start > len(_NOTHING_BUT) or text[start:end] not in _NOTHING_BUT)
