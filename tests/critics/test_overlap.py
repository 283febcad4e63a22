"""What tokens repeat of the question."""

from __future__ import annotations

import numpy as np

from cprs.critics.overlap import TOKEN_FEATURES, Overlap
from cprs.windows import Window

COLUMN = {name: number for number, name in enumerate(TOKEN_FEATURES)}


def window(ids: list[int], units: list[tuple[int, int]]) -> Window:
    count = len(ids)
    offsets = np.stack([np.arange(count), np.arange(1, count + 1)], axis=1)
    return Window(0, count, np.array(ids, np.int32), offsets, np.array(units))


def test_tokens_pairs_and_borders() -> None:
    one = window([1, 2, 3, 2, 9, 1], [(0, 4), (4, 6)])
    asked = np.array([2, 3, 7], np.int32)
    found = Overlap(asked, [one], vocabulary=10).features(one.token_ids, one.units)
    assert found[:, COLUMN["occurs"]].tolist() == [0, 1, 1, 1, 0, 0]
    assert found[:, COLUMN["together"]].tolist() == [0, 1, 1, 0, 0, 0]
    assert found[:, COLUMN["begins"]].tolist() == [1, 0, 0, 0, 1, 0]
    assert found[:, COLUMN["ends"]].tolist() == [0, 0, 0, 1, 0, 1]


def test_the_rarer_the_more_it_is_worth_over_all_windows() -> None:
    windows = [window([1, 1, 2, 4], [(0, 4)]), window([1, 1, 1, 5], [(0, 4)])]
    overlap = Overlap(np.array([1, 2], np.int32), windows, vocabulary=6)
    worth = overlap.features(windows[0].token_ids, windows[0].units)[:, COLUMN["worth"]]
    assert 0 < worth[0] < worth[2] <= 1
    assert worth[3] == 0


def test_nothing_asked_and_nothing_there() -> None:
    none = np.zeros(0, np.int32)
    one = window([1], [(0, 1)])
    assert not Overlap(none, [one], vocabulary=3).features(one.token_ids, one.units)[:, :3].any()
    empty = Overlap(np.array([1], np.int32), [], vocabulary=3)
    assert empty.features(none, np.zeros((0, 2), np.int64)).shape == (0, len(TOKEN_FEATURES))
