from __future__ import annotations

import numpy as np
import pytest

from cprs import BudgetError, Layout, Unit, Units
from cprs.select import Candidates, Pieces, Selection, by_budget, by_threshold, closure, ranking
from cprs.units import Role

F, C, X, S = Role.FRAME, Role.CONTENT, Role.CLOSE, Role.SEPARATOR


def layout(rows: list[tuple[Role, int]], required: tuple[int, ...] = ()) -> Layout:
    """One code point per unit: (role, parent)."""
    units = Units.of([Unit(i, i + 1, "u", parent, role) for i, (role, parent) in enumerate(rows)])
    return Layout("test", "u", units, units.bounds, required)


# [ a , b , { c , d } ]   as the JSON format would cut it
NESTED = layout(
    [(F, -1), (C, 0), (S, 0), (C, 0), (S, 0), (F, 0), (C, 5), (S, 5), (C, 5), (X, 5), (X, 0)],
    required=(0,),
)


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        ([], [0, 10]),
        ([1], [0, 1, 10]),
        ([3], [0, 3, 10]),
        ([1, 3], [0, 1, 2, 3, 10]),
        ([8], [0, 5, 8, 9, 10]),
        ([1, 8], [0, 1, 4, 5, 8, 9, 10]),
        ([1, 3, 6, 8], list(range(11))),
    ],
)
def test_what_comes_along(chosen: list[int], kept: list[int]) -> None:
    mask = np.zeros(11, np.bool_)
    mask[chosen] = True
    assert np.flatnonzero(closure(NESTED, mask)).tolist() == kept


def candidates(scores: list[float], costs: list[int], **kw: object) -> Candidates:
    flat = layout([(C, -1)] * len(scores))
    return Candidates(
        layout=flat,
        score=np.array(scores, np.float32),
        cost=np.array(costs, np.int64),
        forced=np.zeros(len(scores), np.bool_),
    )


def test_the_ranking_is_global_and_ties_keep_source_order() -> None:
    documents = [candidates([0.2, 0.9, 0.0], [1, 1, 1]), candidates([0.9, 0.5], [1, 1])]
    assert ranking(documents, floor=0) == [(0, 1), (1, 0), (1, 1), (0, 0)]
    assert ranking(documents, floor=0.5) == [(0, 1), (1, 0), (1, 1)]


def test_a_threshold_keeps_what_reaches_it() -> None:
    (keep,) = by_threshold([candidates([0.2, 0.5, 0.9], [1, 1, 1])], 0.5).keep
    assert keep.tolist() == [False, True, True]


def fill(scores: list[float], costs: list[int], budget: int, per_unit: int = 0) -> Selection:
    """`per_unit`: what the target's tokenizer counts above the critic's own tokens."""
    document = candidates(scores, costs)

    def measure(selection: Selection) -> int:
        keep, extra = selection.keep[0], 0
        if selection.cut is not None:
            _, unit, end = selection.cut
            extra = end - costs[unit]
        return int(document.cost[keep].sum()) + per_unit * int(keep.sum()) + extra

    return by_budget(
        [document],
        budget=budget,
        floor=0,
        measure=measure,
        pieces=lambda d, u: Pieces((1, 2), (1, 2)),
    )


@pytest.mark.parametrize(
    ("budget", "per_unit", "kept", "cut"),
    [
        (7, 0, [1, 2], None),
        (6, 0, [1, 2], (0, 2, 2)),
        (4, 0, [1], None),
        (3, 0, [1], (0, 1, 2)),
        (9, 1, [1, 2], None),
        (8, 1, [1, 2], (0, 2, 2)),
        (99, 1, [0, 1, 2], None),
    ],
)
def test_a_budget_takes_a_prefix_of_the_ranking(
    budget: int, per_unit: int, kept: list[int], cut: tuple[int, int, int] | None
) -> None:
    selection = fill([0.1, 0.9, 0.5], [5, 4, 3], budget, per_unit)
    assert np.flatnonzero(selection.keep[0]).tolist() == kept
    assert selection.cut == cut


def test_a_budget_below_the_smallest_piece() -> None:
    with pytest.raises(BudgetError, match=r"too small for the best u, which needs 6 tokens"):
        fill([0.1, 0.9], [5, 4], 2, per_unit=5)
