"""Tokens of a text without its tokenizer: how many at most, as good as always.

Byte-pair tokenizers cut text into runs of code points of one class. How many tokens a run of each
length is worth was set so that o200k and cl100k stay below it on prose, code, tables, ids and ten
scripts. Whole arrays at a time: texts have megabytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 20

_SPACE, _FEED, _LOWER, _UPPER, _DIGIT, _PUNCT, _LATIN, _EMOJI, _TWO, _THREE, _FOUR = range(11)

# Where classes begin above ASCII; Latin stands for Cyrillic and Greek too, and _TWO, _THREE, _FOUR
# for other scripts, by their bytes in UTF-8.
_RANGES = (
    (0x80, _SPACE),  # controls and the no-break space, which stand alone
    (0xA1, _LATIN),
    (0x250, _TWO),
    (0x370, _LATIN),
    (0x530, _TWO),
    (0x800, _THREE),
    (0x1E00, _LATIN),
    (0x2000, _SPACE),
    (0x200D, _EMOJI),
    (0x200E, _THREE),
    (0x2600, _EMOJI),
    (0x27C0, _THREE),
    (0x3000, _SPACE),
    (0x3001, _THREE),
    (0xFE0F, _EMOJI),
    (0xFE10, _THREE),
    (0x10000, _FOUR),
    (0x1F000, _EMOJI),
    (0x1FB00, _FOUR),
)
_BYTE = 0.45  # tokens of a byte in scripts with few merges


def _ascii() -> NDArray[np.uint8]:
    table = np.full(128, _PUNCT, np.uint8)
    table[:33] = _SPACE
    table[127] = _SPACE
    table[[10, 13]] = _FEED
    table[ord("a") : ord("z") + 1] = _LOWER
    table[ord("A") : ord("Z") + 1] = _UPPER
    table[ord("0") : ord("9") + 1] = _DIGIT
    return table


_ASCII = _ascii()
_STARTS = np.array([start for start, _ in _RANGES], np.uint32)
_CLASSES = np.array([_PUNCT, *(kind for _, kind in _RANGES)], np.uint8)


def estimate(text: str, *, digits: int = 3) -> int:
    """Tokens of a text without its tokenizer: erring high, by about a fifth on English prose; some
    30 MB/s.

    `digits`: how many of them make a token at most (1 for tokenizers that cut numbers apart).
    """
    chunks = (text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK))
    return int(sum(_tokens(chunk, digits) for chunk in chunks)) + 1 if text else 0


def _tokens(text: str, digits: int) -> float:
    kind = _kinds(text)
    first = np.flatnonzero(np.diff(kind, prepend=255))
    run = kind[first]
    length = np.diff(first, append=len(kind)).astype(np.float32)
    after = np.append(run[1:], _FEED)
    before = np.append(_FEED, run[:-1])
    # A single space belongs to the word or sign after it, all white space to a line's end.
    joins = (run == _SPACE) & (length == 1) & np.isin(after, (_LOWER, _UPPER, _PUNCT, _LATIN))
    capital = (run == _UPPER) & (length == 1) & (after == _LOWER)
    cost = np.zeros(len(run), np.float32)
    for letters in (_LOWER, _UPPER):
        at = (run == letters) & ~capital
        size = length[at] + np.append(False, joins[:-1] | capital[:-1])[at]
        cost[at] = 1.06 + np.maximum(size - 6, 0) / 2.6
    at = (run == _SPACE) & ~joins & (after != _FEED)
    cost[at] = 1 + length[at] / 16
    cost[run == _FEED] = 1.05
    at = run == _DIGIT
    cost[at] = 1.05 * np.ceil(length[at] / digits)
    at = run == _PUNCT
    cost[at] = 1.05 * np.ceil(length[at] / 2)
    at = run == _LATIN
    cost[at] = 1 + (length[at] + np.isin(before[at], (_SPACE,))) / 3
    for foreign, each in ((_EMOJI, 3), (_TWO, 2 * _BYTE), (_THREE, 3 * _BYTE), (_FOUR, 4 * _BYTE)):
        at = run == foreign
        cost[at] = length[at] * each
    return float(cost.sum(dtype=np.float64))


def _kinds(text: str) -> NDArray[np.uint8]:
    """The class of each code point."""
    if text.isascii():
        return _ASCII[np.frombuffer(text.encode("ascii"), np.uint8)]
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    small = points < 128
    kinds = np.empty(len(points), np.uint8)
    kinds[small] = _ASCII[points[small]]
    kinds[~small] = _CLASSES[np.searchsorted(_STARTS, points[~small], side="right")]
    return kinds
