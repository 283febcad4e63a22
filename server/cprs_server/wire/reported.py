"""What an answer on its way says of its own tokens, without reading all of it."""

from __future__ import annotations

import re

_KEPT = 2_048
_IN = re.compile(rb'"(?:prompt|input)_tokens"\s*:\s*(\d{1,12})')
_OUT = re.compile(rb'"(?:completion|output)_tokens"\s*:\s*(\d{1,12})')


class Reported:
    """Looks at the beginning and the end of an answer, where every API says what it counted.

    >>> said = Reported()
    >>> said.feed(b'{"usage": {"prompt_tokens": 11, "completion_tokens": 3}}')
    >>> said.tokens
    (11, 3)
    """

    __slots__ = ("_head", "_tail")

    def __init__(self) -> None:
        self._head = self._tail = b""

    def feed(self, part: bytes) -> None:
        """The next bytes of it."""
        if len(self._head) < _KEPT:
            self._head += part[: _KEPT - len(self._head)]
        self._tail = (self._tail + part)[-_KEPT:] if len(part) < _KEPT else part[-_KEPT:]

    @property
    def tokens(self) -> tuple[int | None, int | None]:
        """Of the prompt and of the answer; None where it does not say, or cannot be read."""
        return _last(_IN, self._head, self._tail), _last(_OUT, self._head, self._tail)


def _last(pattern: re.Pattern[bytes], *parts: bytes) -> int | None:
    for part in reversed(parts):
        if found := pattern.findall(part):
            return int(found[-1])
    return None
