"""Which values of a JSON document are its records: what is opened, and what stays whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cprs.checkpoint import cancellable
from cprs.formats.chars import codes
from cprs.formats.json_scan import STRING, JsonValues

OPEN_LIMIT = 4_000
"""Code points from which on an object or array is opened even where nothing in it is a record."""

_LOOKED_AT = 8  # members whose keys tell a map of records from an object with fields


@dataclass(frozen=True, slots=True)
class Opened:
    """Masks over values: `is_open`, the children are units; `records`, they are its records."""

    is_open: NDArray[np.bool_]
    records: NDArray[np.bool_]


def opened(text: str, values: JsonValues) -> Opened:
    """What to open so that records are units.

    A collection is an array that holds objects or arrays, or an object whose members are all
    objects with keys in common (a map of records by id). The root is opened, and on the way down
    from it every object that holds a collection somewhere, and every collection; their records
    stay whole unless they are longer than `OPEN_LIMIT`. So `{"data": {"items": [...]}}` is cut
    into its items, and a plain object into its members.
    """
    head, parent = np.frombuffer(values.head, np.int64), np.frombuffer(values.parent, np.int64)
    after = np.frombuffer(values.after, np.int64)
    bracket = np.where(head >= 0, codes(text)[np.maximum(head - 1, 0)], 0)
    arrays, objects = bracket == ord("["), bracket == ord("{")
    maps = _maps(text, values, objects, parent)
    holding = np.zeros(len(values), bool)
    holding[parent[(head >= 0) & (parent >= 0)]] = True
    collection = (arrays & holding) | maps
    # Preorder: what a value holds is the run up to `after`.
    sofar = np.append(0, np.cumsum(collection))
    holds = sofar[after] > sofar[:-1]
    is_open = np.zeros(len(values), bool)
    is_open[0] = values.head[0] >= 0
    index, n = 1, len(values)
    for _ in cancellable(range(n)):
        if index >= n:
            break
        # `index` is only ever a child of an opened value.
        long = values.end[index] - values.start[index] > OPEN_LIMIT
        wanted = long or (holds[index] and not collection[values.parent[index]])
        if wanted and values.head[index] >= 0:
            is_open[index] = True
            index += 1
        else:
            index = values.after[index]
    return Opened(is_open, arrays | maps)


def every(values: JsonValues) -> Opened:
    """Open all that has children: the finest units that stay valid JSON."""
    head = np.frombuffer(values.head, np.int64)
    return Opened(head >= 0, np.zeros(len(values), bool))


def _maps(
    text: str, values: JsonValues, objects: NDArray[np.bool_], parent: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which objects hold at least two members, all of them objects, with keys in common."""
    inner, n = parent >= 0, len(values)
    members = np.bincount(parent[inner], minlength=n)
    others = np.bincount(parent[inner & ~objects], minlength=n)
    result: NDArray[np.bool_] = objects & (members >= 2) & (others == 0)
    for index in cancellable(np.flatnonzero(result).tolist()):
        result[index] = bool(_common_keys(text, values, index))
    return result


def _common_keys(text: str, values: JsonValues, index: int) -> set[str]:
    """The keys that all of the first members of the map at `index` have."""
    found = [
        {_key(text, values.start[field]) for field in _children(values, member, _LOOKED_AT)}
        for member in _children(values, index, _LOOKED_AT)
    ]
    return set.intersection(*found)


def _children(values: JsonValues, index: int, limit: int) -> list[int]:
    found: list[int] = []
    child, end = index + 1, values.after[index]
    while child < end and len(found) < limit:
        found.append(child)
        child = values.after[child]
    return found


def _key(text: str, start: int) -> str:
    match = STRING.match(text, start)
    return match[0] if match else ""
