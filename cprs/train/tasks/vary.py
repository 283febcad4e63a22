"""Marked pieces with other things in the places of theirs: other dates, people, sums, numbers."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType

import regex

from cprs.train.tasks import things
from cprs.train.tasks.marked import Mark, Marked

SHARE = 0.6
"""Of the things that can be replaced, how many are."""

_MONTH = regex.compile("|".join(things.MONTHS))
_NUMBER = regex.compile(r"\d+")
_CAPITAL = regex.compile(r"[A-Z]")


def varied(piece: Marked, rng: random.Random) -> Marked:
    """`piece` with some of its things replaced by others that fit their places.

    Marks on the whole piece stay on the whole.
    """
    whole = [mark for mark in piece.marks if mark.end - mark.start == len(piece.text)]
    parts: list[str] = []
    marks: list[Mark] = []
    done = length = 0
    for mark in sorted((m for m in piece.marks if m not in whole), key=lambda m: m.start):
        said = piece.text[mark.start : mark.end]
        change = _CHANGES.get(mark.kind)
        if change is not None and rng.random() < SHARE:
            said = change(said, rng)
        before = piece.text[done : mark.start]
        parts += [before, said]
        length += len(before) + len(said)
        marks.append(Mark(mark.kind, length - len(said), length))
        done = mark.end
    text = "".join(parts) + piece.text[done:]
    return Marked(text, tuple(marks)).whole(*(mark.kind for mark in whole))


def _date(said: str, rng: random.Random) -> str:
    def number(found: regex.Match[str]) -> str:
        if len(found[0]) == 4:
            return str(rng.randrange(1880, 2045))
        return str(rng.randrange(1, 13)).zfill(len(found[0]))

    return _NUMBER.sub(number, _MONTH.sub(lambda _: rng.choice(things.MONTHS), said))


def _digits(said: str, rng: random.Random) -> str:
    """Other digits; a number does not begin with 0 where it did not before."""

    def number(found: regex.Match[str]) -> str:
        first = "0" if found[0][0] == "0" else str(rng.randrange(1, 10))
        return first + "".join(str(rng.randrange(10)) for _ in found[0][1:])

    return _NUMBER.sub(number, said)


def _clock(said: str, rng: random.Random) -> str:
    """Other minutes and hours."""
    most = iter((12, 60, 60))

    def number(found: regex.Match[str]) -> str:
        return str(rng.randrange(1, next(most, 60))).zfill(len(found[0]))

    return _NUMBER.sub(number, said)


def _reference(said: str, rng: random.Random) -> str:
    swapped = _CAPITAL.sub(lambda _: rng.choice("ABCDEFGHKLMNPRSTUVWX"), said)
    return _digits(swapped if rng.random() < 0.5 else said, rng)


def _person(said: str, rng: random.Random) -> str:
    """A name of as many words."""
    words = said.split(" ")
    if len(words) == 1:
        return rng.choice((*things.GIVEN, *things.FAMILY))
    if len(words) == 2 and not words[0].endswith("."):
        return f"{rng.choice(things.GIVEN)} {rng.choice(things.FAMILY)}"
    return things.person(rng)


def _drawn(make: Callable[[random.Random], str]) -> Callable[[str, random.Random], str]:
    return lambda said, rng: make(rng)


_CHANGES: Mapping[str, Callable[[str, random.Random], str]] = MappingProxyType(
    {
        "date": _date,
        "time": _clock,
        "person": _person,
        "email": _drawn(things.email),
        "url": _drawn(things.url),
        "money": _digits,
        "phone": _digits,
        "percent": _digits,
        "quantity": _digits,
        "duration": _digits,
        "place": _drawn(things.place),
        "organisation": _drawn(things.organisation),
        "reference": _reference,
        "address": _drawn(things.address),
        "path": _drawn(things.path),
        "version": _digits,
    }
)
