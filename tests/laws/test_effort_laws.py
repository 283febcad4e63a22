"""The laws of design §6 where not every window is read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support import DiceCritic

from cprs import BudgetError, Compressed, Compressor, Guidance, StateCache, Window

WORDS = ["meeting", "Ann", "chaired", "budget", "naïve", "会议", "x_y", "3.14"]

texts = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=2, max_size=5).map(" ".join),
    min_size=30,
    max_size=35,
).map(lambda sentences: ". ".join(sentences) + ".")
relaxed = settings(deadline=None, max_examples=25)


@dataclass(frozen=True, slots=True)
class SkimmingDice(DiceCritic):
    """Dice that also fall for windows."""

    def skim(self, guidance: Guidance, windows: Sequence[Window]) -> NDArray[np.float32]:
        seed = zlib.crc32(guidance.question.encode())
        dice = [zlib.crc32(w.token_ids.tobytes(), seed) % 7 for w in windows]
        return np.array(dice, np.float32)


@pytest.fixture(autouse=True, scope="module")
def _short_texts_count_as_long() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cprs.effort.LEAST", 20)
        yield


def compress(text: str, *, workers: int = 1, hops: int = 1, **options: Any) -> Compressed:
    compressor = Compressor(SkimmingDice(), workers=workers, cache=StateCache())
    return compressor.compress(
        text, query="who chaired?", effort="fast", format="text", hops=hops, **options
    )


def kept(result: Compressed) -> set[int]:
    return {place for span in result.spans for place in range(span.start, span.end)}


@relaxed
@given(texts, st.integers(20, 90), st.integers(0, 60), st.sampled_from([1, 2]))
def test_a_larger_budget_keeps_a_superset(text: str, budget: int, more: int, hops: int) -> None:
    try:
        less = compress(text, budget=budget, hops=hops)
    except BudgetError:
        # "3.14." ends no sentence: one may be longer than the whole budget.
        reject()
    assert less.tokens_out <= budget
    assert kept(less) <= kept(compress(text, budget=budget + more, hops=hops))


@relaxed
@given(texts, st.floats(0.3, 0.9))
def test_a_budget_beyond_what_is_read_is_used(text: str, share: float) -> None:
    budget = int(len(SkimmingDice().encode(text)) * share)
    result = compress(text, budget=budget)
    assert result.windows_read < result.windows
    assert result.tokens_out <= budget
    used = result.tokens_out >= 0.9 * budget - 16
    assert used or any("budget not used up" in warning for warning in result.warnings)


@relaxed
@given(texts, st.sampled_from([1, 2]))
def test_workers_and_what_is_cached_do_not_matter(text: str, hops: int) -> None:
    one = compress(text, budget=60, hops=hops)
    compressor = Compressor(SkimmingDice(), workers=3)
    compressor.compress(text, query="another", ratio=2, effort="thorough", format="text")
    again = compressor.compress(
        text, query="who chaired?", budget=60, effort="fast", format="text", hops=hops
    )
    assert (again.text, again.spans) == (one.text, one.spans)


@relaxed
@given(texts)
def test_a_threshold_keeps_nothing_that_was_not_read(text: str) -> None:
    fast, thorough = (
        Compressor(SkimmingDice()).compress(
            text, query="who chaired?", threshold=0.01, effort=effort, format="text"
        )
        for effort in ("fast", "thorough")
    )
    assert kept(fast) < kept(thorough)
