"""Fields of foreign entries, and texts put together from their parts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cprs.errors import TextError
from cprs.formats import segment

Span = tuple[int, int]
Note = Callable[[str], None]
"""Is told, in one line each, of what a file has that cannot be converted."""


@contextmanager
def entry(path: Path, name: str) -> Iterator[None]:
    """Turn what goes wrong inside into a `TextError` that names file and entry."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, TextError):
            raise
        what = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise TextError(f"{path}: entry {name}: {what}") from error


def text_of(row: Any, key: str) -> str:
    """A string field. Raises `ValueError` for another type, `KeyError` for none."""
    value = row[key]
    if not isinstance(value, str):
        raise ValueError(f"{key!r} is not a string")
    return value


def list_of(row: Any, key: str) -> list[Any]:
    """A list field. Raises `ValueError` for another type, `KeyError` for none."""
    value = row[key]
    if not isinstance(value, list):
        raise ValueError(f"{key!r} is not a list")
    return value


class Sentences:
    """The sentences of a text, to widen what lies inside them."""

    def __init__(self, text: str) -> None:
        self._text = text
        bounds = segment(text, format="text", granularity="sentence").passages.tolist()
        self._bounds: list[int] = bounds

    def around(self, start: int, end: int) -> Span:
        """The sentences that [start, end) touches, without the white space at either end."""
        first = max(bisect_right(self._bounds, start) - 1, 0)
        last = max(bisect_right(self._bounds, end - 1) - 1, first)
        return trim(self._text, self._bounds[first], self._bounds[last + 1])


def trim(text: str, start: int, end: int) -> Span:
    """[start, end) without the white space at either end."""
    body = text[start:end]
    return start + len(body) - len(body.lstrip()), start + len(body.rstrip())


def united(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans in order, those that overlap made one."""
    done: list[Span] = []
    for start, end in sorted(spans):
        if done and start < done[-1][1]:
            done[-1] = done[-1][0], max(done[-1][1], end)
        else:
            done.append((start, end))
    return tuple(done)
