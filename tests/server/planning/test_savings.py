from __future__ import annotations

from typing import get_args

import pytest
from cprs_server.planning.base import Target
from cprs_server.planning.savings import saving, seen_before
from cprs_server.wire.base import Conversation, Kind, Text
from hypothesis import given, settings
from hypothesis import strategies as st

DEAR = Target("m", None, "m", price=2.0, cached_price=2.0)
CHEAP = Target("m", None, "m", price=2.0, cached_price=0.2)


def conversation(*turns: tuple[Kind, int]) -> Conversation:
    texts = tuple(Text(("m", n), "x", kind, turn) for n, (kind, turn) in enumerate(turns))
    return Conversation("chat", "m", False, texts)


@pytest.mark.parametrize(
    ("turns", "seen"),
    [
        ([], 0),
        ([("question", 0)], 0),
        ([("system", 0), ("question", 1)], 0),
        ([("system", 0), ("document", 1), ("question", 1)], 0),
        ([("question", 0), ("answer", 1), ("question", 2)], 2),
        # The model's turn 1 holds calls and no text.
        ([("question", 0), ("tool_result", 2), ("tool_result", 3)], 1),
        ([("question", 0), ("tool_result", 2), ("tool_result", 4)], 2),
        ([("question", 0), ("answer", 1), ("tool_result", 2)], 2),
    ],
)
def test_what_was_sent_before(turns: list[tuple[Kind, int]], seen: int) -> None:
    assert seen_before(conversation(*turns)) == seen


def test_breaking_a_prefix_costs_what_was_cached() -> None:
    # 90K of old conversation, compressed from its first text on to a third, 10K new.
    sizes = (60_000, 30_000, 10_000)
    broken = saving(sizes, first=0, old=2, saved=60_000, other=0, target=CHEAP)
    assert broken.share == pytest.approx(1 - 40_000 / 19_000)
    assert broken.fresh == pytest.approx(0.6)
    # The same where nothing is cheaper for being cached.
    assert saving(sizes, first=0, old=2, saved=60_000, other=0, target=DEAR).share == 0.6
    # Of the new text alone a half.
    new = saving(sizes, first=2, old=2, saved=5_000, other=0, target=CHEAP)
    assert new.share == pytest.approx(5_000 / 19_000)


def test_what_was_left_out_before_saves_cached_tokens() -> None:
    # A document of 90K that stays at its 10K from before, and 10K new.
    made = saving(
        (90_000, 10_000), first=2, old=1, saved=80_000, other=0, target=CHEAP, again=80_000
    )
    # 90K cached and 10K fresh become 10K and 10K.
    assert made.share == pytest.approx(1 - 11_000 / 19_000)
    assert made.discount == 80_000
    # Compressed only now, the 90K are no longer cached, and nothing was.
    made = saving((90_000, 10_000), first=0, old=1, saved=80_000, other=0, target=CHEAP)
    assert made.share == pytest.approx(1 - 20_000 / 19_000)
    assert made.discount == 90_000


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 10_000), min_size=1, max_size=9),
    st.integers(0, 9),
    st.integers(0, 9),
    st.floats(0, 1),
)
def test_nothing_saves_more_than_leaving_out(
    sizes: list[int], first: int, old: int, part: float
) -> None:
    first, old = min(first, len(sizes)), min(old, len(sizes))
    saved = int(part * sum(sizes[first:]))
    made = saving(sizes, first=first, old=old, saved=saved, other=7, target=CHEAP)
    assert made.share <= 1
    more = saving(sizes, first=first, old=old, saved=saved // 2, other=7, target=CHEAP)
    assert more.share <= made.share + 1e-9


def test_every_kind_is_known() -> None:
    assert set(get_args(Kind)) == {"system", "question", "document", "tool_result", "answer"}
