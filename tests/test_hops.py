"""Two passes: the better of two rankings, whatever their scales."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.guidance import Guidance
from cprs.hops import combine, follow
from cprs.windows import Encoded, Window, cut_windows


def test_a_later_pass_counts_by_its_order() -> None:
    first = [np.array([0.9, 0.1, 0.2], np.float32), np.array([0.3], np.float32)]
    later = [np.array([0.01, 0.002, 0.03], np.float32), np.array([0.0], np.float32)]
    combined = combine(first, later)
    assert [len(scores) for scores in combined] == [3, 1]
    assert np.allclose(np.concatenate(combined), [0.9, 0.2, 0.9, 0.3], atol=1e-3)
    half = combine(first, [scores * np.float32(0.5) for scores in later])
    assert np.concatenate(half).tolist() == np.concatenate(combined).tolist()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), max_size=30))
def test_nothing_gets_worse(pairs: list[tuple[float, float]]) -> None:
    first = np.array([a for a, _ in pairs], np.float32)
    later = np.array([b for _, b in pairs], np.float32)
    (combined,) = combine([first], [later])
    assert (combined >= first).all()
    assert (combined <= max(first.max(initial=0), later.max(initial=0))).all()


def test_a_first_pass_that_found_little_leaves_room() -> None:
    (combined,) = combine(
        [np.array([0.5, 0, 0], np.float32)], [np.array([0.2, 0, 0.4], np.float32)]
    )
    assert np.allclose(combined, [0.5, 0, 0.5], atol=1e-3)
    (combined,) = combine(
        [np.array([0.5, 0, 0], np.float32)], [np.array([0.4, 0, 0.2], np.float32)]
    )
    assert np.allclose(combined, [0.5, 0, 0.2], atol=1e-3)


def test_the_best_passages_join_the_query() -> None:
    text = "aa bb cc "
    encoded = Encoded(
        np.arange(3, dtype=np.int32), np.array([[0, 2], [3, 5], [6, 8]], dtype=np.int64)
    )
    windows: list[Window] = cut_windows(encoded, np.array([0, 3, 6, 9]), size=2)
    scores = np.array([0.5, 0.0, 0.9], np.float32)
    further = follow(Guidance(query="q"), [text], [windows], [scores])
    assert further.query.split("\n") == ["q", "cc", "aa"]
