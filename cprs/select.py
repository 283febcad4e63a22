"""Selection: token scores into units kept.

The ranking of units is fixed before any budget is looked at, and a budget takes a prefix of it:
that is why a larger budget keeps a superset (law 5). The first unit that no longer fits is cut
short at a finer level, a prefix too, where its format allows that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cprs.errors import BudgetError
from cprs.labels import UnitLabels, inside
from cprs.units import IntArray, Layout, Role, Units
from cprs.windows import Encoded

Mask = NDArray[np.bool_]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """One document's units as the selection sees them.

    `score` (n,) float32, 0 where a unit holds no token; `cost` (n,) int64 tokens; `forced` (n,)
    units that are kept whatever their score. `labels`: what each unit is called, where the critic
    was asked to tell labels apart and can.
    """

    layout: Layout
    score: Scores
    cost: IntArray
    forced: Mask
    labels: UnitLabels | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Units kept, per document; at most one of them is cut short.

    `keep`: a mask over each document's units. `cut`: (document, unit) of the one unit that is
    kept only up to a code point, and that code point. `blocked`: (document, unit) of the next best
    unit, where a budget ends at one that neither fits nor may be cut.
    """

    keep: tuple[Mask, ...]
    cut: tuple[int, int, int] | None = None
    blocked: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Pieces:
    """Where a unit may be cut short: code points `ends`, rising, and for each the critic's tokens
    before it, `costs`. Both are empty where the unit must stay whole."""

    ends: Sequence[int]
    costs: Sequence[int]


def unit_scores(
    units: Units,
    encoded: Encoded,
    keep: Scores,
    *,
    tags: Scores | None = None,
    passages: IntArray | None = None,
) -> Scores:
    """The best token's score, per unit: a long unit is kept for its one relevant sentence.

    `keep` (n,) is the same for all tokens of a passage (a sentence, a line), so it cannot say
    which word of it is meant. Units that are only part of one of the `passages` (m+1,) therefore
    count their tokens' own evidence too: keep x (1 - P(O)), with `tags` (n, 4) over B I O E. A
    critic without tags scores them as it scores their passage.
    """
    scores = np.zeros(len(units), np.float32)
    if not len(encoded):
        return scores
    owner = np.searchsorted(units.bounds, encoded.offsets[:, 0], side="right") - 1
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    if tags is not None and passages is not None:
        part = _parts(units, passages)
        keep = np.where(part[owner], keep * inside(tags), keep)
    scores[owner[first]] = np.maximum.reduceat(keep, first)
    return scores


def _parts(units: Units, passages: IntArray) -> Mask:
    """Which units are no more than a part of one passage."""
    start, end = units.bounds[:-1], units.bounds[1:]
    home = np.searchsorted(passages, start, side="right") - 1
    starts, ends = passages[home], passages[np.minimum(home + 1, len(passages) - 1)]
    part: Mask = (end <= ends) & ((start > starts) | (end < ends))
    return part


def unit_costs(units: Units, encoded: Encoded) -> IntArray:
    """Tokens per unit. A token belongs to the unit its first code point lies in."""
    owner = np.searchsorted(units.bounds, encoded.offsets[:, 0], side="right") - 1
    return np.bincount(owner, minlength=len(units)).astype(np.int64)


def closure(layout: Layout, chosen: Mask) -> Mask:
    """`chosen` and all that must come along (`cprs.units.Role`)."""
    units = layout.units
    keep: Mask = chosen.copy()
    keep[list(layout.required)] = True
    fresh = np.flatnonzero(keep)
    while len(fresh):
        parents = np.unique(units.parent[fresh])
        fresh = parents[(parents >= 0) & ~keep[parents]].astype(np.int64)
        keep[fresh] = True
    held = (units.parent >= 0) & keep[units.parent]
    keep |= held & (units.role == Role.CLOSE)
    _keep_separators(units, keep, held)
    return keep


def _keep_separators(units: Units, keep: Mask, held: Mask) -> None:
    separator = held & (units.role == Role.SEPARATOR)
    if not separator.any():
        return
    child = held & keep & (units.role != Role.CLOSE) & ~separator
    keep[separator] = False
    index = np.flatnonzero(child | separator)
    index = index[np.argsort(units.parent[index], kind="stable")]
    parent, is_child = units.parent[index], child[index]
    # Children seen so far under the same parent: separators count only after the first of them.
    before = np.cumsum(is_child) - is_child
    start = np.flatnonzero(np.diff(parent, prepend=-2))
    before -= np.repeat(before[start], np.diff(np.append(start, len(parent))))
    joins = is_child[1:] & ~is_child[:-1] & (parent[1:] == parent[:-1]) & (before[:-1] > 0)
    keep[index[:-1][joins]] = True


def ranking(documents: Sequence[Candidates], *, floor: float) -> list[tuple[int, int]]:
    """(document, unit) of all units that may be selected, best first; ties in source order.

    Units that score 0 or below `floor` are left out.
    """
    able = [np.flatnonzero(_passing(c, floor) & ~c.forced) for c in documents]
    owner = np.repeat(np.arange(len(documents)), [len(index) for index in able])
    unit = np.concatenate([np.zeros(0, np.int64), *able])
    score = np.concatenate(
        [np.zeros(0), *(c.score[i] for c, i in zip(documents, able, strict=True))]
    )
    order = np.argsort(-score, kind="stable")
    return list(zip(owner[order].tolist(), unit[order].tolist(), strict=True))


def _passing(candidates: Candidates, threshold: float) -> Mask:
    score = candidates.score
    selectable = candidates.layout.units.role == Role.CONTENT
    passing: Mask = selectable & (score > 0) & (score >= threshold)
    return passing


def by_threshold(documents: Sequence[Candidates], threshold: float) -> Selection:
    """Every unit whose score passes `threshold`, but for those outside all labels."""
    return Selection(
        tuple(
            closure(c.layout, c.forced | (_passing(c, threshold) & ~_outside(c))) for c in documents
        )
    )


def _outside(candidates: Candidates) -> Mask:
    labels = candidates.labels
    return np.zeros(len(candidates.score), np.bool_) if labels is None else labels.outside


def by_budget(
    documents: Sequence[Candidates],
    *,
    budget: int,
    floor: float,
    measure: Callable[[Selection], int],
    pieces: Callable[[int, int], Pieces],
) -> Selection:
    """The longest prefix of the ranking that fits `budget`, and a part of the unit after it.

    `measure` counts a selection's tokens as the target model will. `pieces` says where a
    (document, unit) may be cut short.

    Raises `BudgetError` when what must be kept is over the budget, or when not even a piece of
    the best unit fits.
    """
    order = ranking(documents, floor=floor)
    take = _Prefixes(documents, order)
    least = measure(take(0))
    if least > budget:
        raise BudgetError(
            f"budget {budget} is too small: what must be kept needs {least} tokens; "
            f"raise the budget to at least {least} or protect less"
        )
    # The critic's own token counts are quick to add up and give the place to start from.
    guess = _last(lambda k: take.cost(k) <= budget, 0, len(order))
    k = _last_near(lambda k: measure(take(k)) <= budget, guess, len(order))
    if k == len(order):
        return take(k)
    document, unit = order[k]
    whole = take(k + 1)
    short = pieces(document, unit)

    def cut(n: int) -> Selection:
        return Selection(whole.keep, (document, unit, short.ends[n - 1])) if n else take(k)

    room = budget - take.cost(k + 1) + int(documents[document].cost[unit])
    guess = int(np.searchsorted(short.costs, room, side="right"))
    n = _last_near(lambda n: measure(cut(n)) <= budget, guess, len(short.ends))
    if n == 0 and k == 0 and not any(c.forced.any() for c in documents):
        needed = measure(cut(1) if short.ends else whole)
        kind = documents[document].layout.units[unit].kind
        raise BudgetError(
            f"budget {budget} is too small for the best {kind}, which needs {needed} tokens; "
            f"raise the budget to at least {needed}"
        )
    return cut(n) if n else replace(take(k), blocked=(document, unit))


class _Prefixes:
    """Selections of the first k units of a ranking."""

    def __init__(self, documents: Sequence[Candidates], order: Sequence[tuple[int, int]]) -> None:
        self._documents = documents
        # At which step of the ranking a unit is taken, per document; never = len(order).
        self._step = [np.full(len(c.score), len(order), np.int64) for c in documents]
        for k, (document, unit) in enumerate(order):
            self._step[document][unit] = k

    def __call__(self, k: int) -> Selection:
        return Selection(
            tuple(
                closure(c.layout, c.forced | (step < k))
                for c, step in zip(self._documents, self._step, strict=True)
            )
        )

    def cost(self, k: int) -> int:
        """Tokens of the first k units and what they bring along, in the critic's tokens."""
        keep = self(k).keep
        return sum(int(c.cost[m].sum()) for c, m in zip(self._documents, keep, strict=True))


def _last(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The largest k in [low, high] that fits, given that `low` does and fitting is monotone."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _last_near(fits: Callable[[int], bool], guess: int, high: int) -> int:
    """As `_last` from 0, asking as few and as short questions as it can around `guess`."""
    step, low = 1, guess
    while low > 0 and not fits(low):
        high, low, step = low - 1, max(0, low - step), step * 4
    if low < guess:
        return _last(fits, low, high)
    step = 1
    while low < high:
        ahead = min(high, low + step)
        if not fits(ahead):
            return _last(fits, low, ahead - 1)
        low, step = ahead, step * 4
    return low
