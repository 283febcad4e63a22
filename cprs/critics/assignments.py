"""Chains of assignments: who asks for a value means every step between it and its names.

A step stands lines or megabytes away from the next and shares one name with it, so it is found by
following the names, not by meaning (variable tracking: RULER, arXiv 2404.06654, §3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

from cprs.critics.embedded_base import Base
from cprs.critics.identifiers import IDENTIFIER
from cprs.critics.words import STOP_WORDS, Pieces, Words
from cprs.windows import Window

WORTH = 10.0
"""Log-odds that a passage gains by holding a step of a chain that was asked for."""
LONGEST = 64
"""Steps that are followed at most."""
COMMON = 32
"""A name that more steps share is no link: it would lead everywhere."""

_ASKED = regex.compile(
    r"\b(?:variables?|assign(?:ed|s|ments?)?|values?|equals?|holds?|traced?)\b", regex.IGNORECASE
)
_WORD = regex.compile(r"\b\p{L}\w*\b")
_SPOKEN = ("assign", "set")


@dataclass(frozen=True, slots=True)
class Step:
    """An assignment: the key of the `name` that is set, and those of the words `read` for it."""

    name: int
    read: frozenset[int]


class Assignments:
    """What one question's numbers and variables lead to in all windows. Stateless once made."""

    def __init__(
        self, base: Base, pieces: Pieces, question: str, windows: Sequence[Window]
    ) -> None:
        self._pieces = pieces
        self._sign, self._colon, *others = (_only(base, sign) for sign in "=:<>!~")
        self._operators = (self._sign, *others)
        self._spoken = [_only(base, word) for word in _SPOKEN]
        self._chain: frozenset[Step] = frozenset()
        if _ASKED.search(question):
            steps = list(dict.fromkeys(step for w in windows for _, step in self._steps(w)))
            words = [m[0] for m in _WORD.finditer(question) if not _ASKED.fullmatch(m[0])]
            names = self._keys(base, [word for word in words if word.lower() not in STOP_WORDS])
            values = self._keys(base, [m[0] for m in IDENTIFIER.finditer(question)])
            self._chain = frozenset((*_onward(steps, values), *_back(steps, names)))

    def odds(self, window: Window) -> NDArray[np.float64]:
        """What each of a window's u passages gains (u,): `WORTH` where it holds a step, else 0."""
        gained = np.zeros(len(window.units))
        if self._chain:
            gained[[unit for unit, step in self._steps(window) if step in self._chain]] = WORTH
        return gained

    def _steps(self, window: Window) -> Iterator[tuple[int, Step]]:
        """A window's assignments and their passages: "a = b", "a := b", "Assign b to a"."""
        ids, units = window.token_ids, window.units
        if not len(ids):
            return
        signs = self._signs(ids)
        spoken = np.flatnonzero(np.isin(ids[units[:, 0]], self._spoken))
        if not len(signs) + len(spoken):
            return
        words = self._pieces.words(ids, np.repeat(np.arange(len(units)), np.diff(units)[:, 0]))
        for unit in spoken.tolist():
            first, last = np.searchsorted(words.start, units[unit])
            if last - first > 2:
                yield unit, _step(words, last - 1, first + 1, last - 1)
        for number, sign in enumerate(signs):
            unit = int(np.searchsorted(units[:, 1], sign, side="right"))
            name = int(np.searchsorted(words.end, self._name_end(ids, sign), side="left"))
            if name == len(words) or words.end[name] != self._name_end(ids, sign):
                continue
            first, last = np.searchsorted(words.start, [sign, units[unit, 1]])
            if number + 1 < len(signs):
                # What the next assignment sets is not read by this one.
                next_name = np.searchsorted(words.end, self._name_end(ids, signs[number + 1]))
                last = max(first, min(last, next_name))
            if words.start[name] >= units[unit, 0]:
                yield unit, _step(words, name, first, last)

    def _signs(self, ids: NDArray[np.int32]) -> list[int]:
        """Where an assignment's sign stands: no "==", "<=", "=>" and the like."""
        places = np.flatnonzero(ids == self._sign)
        before, behind = ids[np.maximum(places - 1, 0)], ids[np.minimum(places + 1, len(ids) - 1)]
        compares = np.isin(before, self._operators) & (places > 0)
        compares |= np.isin(behind, self._operators) & (places + 1 < len(ids))
        found: list[int] = places[~compares].tolist()
        return found

    def _name_end(self, ids: NDArray[np.int32], sign: int) -> int:
        return sign - int(sign > 0 and ids[sign - 1] == self._colon)

    def _keys(self, base: Base, spelt: Iterable[str]) -> set[int]:
        """Keys of words, of one made of several those of its last."""
        found = set()
        for ids in (base.encode(word).ids for word in spelt):
            words = self._pieces.words(ids, np.zeros(len(ids), np.int64))
            found |= set(words.key[-1:].tolist())
        return found


def _step(words: Words, name: int, first: int, last: int) -> Step:
    return Step(int(words.key[name]), frozenset(words.key[first:last].tolist()))


def _onward(steps: Sequence[Step], values: set[int]) -> set[Step]:
    """The steps that read one of `values`, those that read the names these set, and so on."""
    readers: dict[int, list[Step]] = {}
    for step in steps:
        for key in step.read:
            readers.setdefault(key, []).append(step)
    return _followed(values, readers, lambda step: {step.name})


def _back(steps: Sequence[Step], names: set[int]) -> set[Step]:
    """The steps that set one of `names`, those that set what these read, and so on."""
    setters: dict[int, list[Step]] = {}
    for step in steps:
        setters.setdefault(step.name, []).append(step)
    return _followed(names, setters, lambda step: step.read)


def _followed(
    keys: set[int], links: Mapping[int, list[Step]], leads: Callable[[Step], Collection[int]]
) -> set[Step]:
    """All steps that `links` reach from `keys`, each leading to further ones."""
    found: dict[Step, None] = {}
    waiting, seen = sorted(keys), set(keys)
    for key in waiting:
        steps = links.get(key, [])
        if len(steps) > COMMON:
            continue
        for step in steps:
            if len(found) == LONGEST:
                return set(found)
            found[step] = None
            more = sorted(set(leads(step)) - seen)
            waiting += more
            seen.update(more)
    return set(found)


def _only(base: Base, word: str) -> int:
    """The token that is all of `word`; -1 where the vocabulary has none."""
    ids = base.encode(word).ids
    return int(ids[0]) if len(ids) == 1 else -1
