"""Label values that cannot grow without bound, whatever clients send."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cprs_server.observe.redact import Redactor

OTHER = "other"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,99}")


class Labels:
    """The values that one label may take: those `known`, and at most `room` learnt ones.

    Each label value is a time series for as long as the process lives, so a client that invents
    names must not make any: what is not known and finds no room is "other".
    """

    __slots__ = ("_known", "_learnt", "_room")

    def __init__(self, known: Iterable[str] = (), *, room: int = 0) -> None:
        self._known = frozenset(known)
        self._learnt: set[str] = set()
        self._room = room

    def of(self, value: str, *, learn: bool = True) -> str:
        """`value` where it may be a label, else "other". "" stays. `learn`: may it take room?"""
        if not value or value in self._known or value in self._learnt:
            return value
        if learn and len(self._learnt) < self._room and _harmless(value):
            self._learnt.add(value)
            return value
        return OTHER

    def know(self, known: Iterable[str]) -> None:
        """Replaces the known values, as when the configuration is read again."""
        self._known = frozenset(known)


def _harmless(value: str) -> bool:
    # Some client puts its key where the model's name belongs sooner or later.
    return _PLAIN.fullmatch(value) is not None and Redactor().clean(value) == value
