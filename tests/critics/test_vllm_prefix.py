"""What vLLM may hold of a prompt, and what of windows may look for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.vllm.prefix import may_read, padded, room_in_blocks
from cprs.errors import OptionError

PROMPT = np.array([1, 5, 2, 1, 6, 2, 1, 7, 8], np.int32)


@pytest.mark.parametrize("block", [1, 3, 4, 16])
def test_a_prompt_of_whole_blocks(block: int) -> None:
    found = padded(PROMPT, block=block, begin=1, filler=0)
    assert len(found) % block == 0
    assert len(found) < len(PROMPT) + block
    assert found[found != 0].tolist() == PROMPT.tolist()
    assert found[-3:].tolist() == [1, 7, 8], "what opens the window stands before it"


def test_room_is_whole_blocks() -> None:
    assert room_in_blocks(100, block=1) == 100
    assert room_in_blocks(100, block=32) == 96
    with pytest.raises(OptionError, match="fewer than a block"):
        room_in_blocks(31, block=32)


WINDOWS = st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=6), max_size=8)


@settings(deadline=None)
@given(WINDOWS, st.integers(1, 4))
def test_no_window_that_looks_in_the_cache_can_find_anothers_block(
    windows: list[list[int]], block: int
) -> None:
    given_windows = [np.array(ids, np.int32) for ids in windows]
    allowed = may_read(given_windows, block=block)
    # Any window may be held, whole blocks of it, when another one comes.
    for i, ids in enumerate(windows):
        if allowed[i] and len(ids) >= block:
            others = [other for j, other in enumerate(windows) if j != i and len(other) >= block]
            assert all(other[:block] != ids[:block] for other in others)
    alone = [len([w for w in windows if w[:block] == ids[:block]]) == 1 for ids in windows]
    assert all(may for may, one in zip(allowed, alone, strict=True) if one), (
        "and no more are kept out"
    )
