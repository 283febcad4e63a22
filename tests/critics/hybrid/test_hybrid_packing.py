"""Which windows are read together."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")

from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.hybrid.packing import Step, fill, on_device, on_host

waiting_windows = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=30)


@settings(deadline=None, max_examples=50)
@given(waiting_windows, st.integers(1, 20), st.booleans())
def test_steps_stay_within_the_budget_and_take_every_window_in_its_turn(
    waiting: list[tuple[int, int]], budget: int, mixes: bool
) -> None:
    seen: list[int] = []
    left = list(enumerate(waiting))
    while left:
        taken = fill([one for _, one in left], budget=budget, mixes=mixes)
        chosen = [left[i] for i in taken]
        assert left[0] in chosen
        assert len(taken) == 1 or sum(tokens for _, (_, tokens) in chosen) <= budget
        if not mixes:
            assert len({prompt for _, (prompt, _) in chosen}) == 1
        # Side by side by prompt, the longest first, equals in their order.
        keys = [(prompt, -tokens, number) for number, (prompt, tokens) in chosen]
        assert keys == sorted(keys)
        # None of a prompt's windows that stay behind came before one that goes.
        for number, (prompt, _) in chosen:
            rest = [n for i, (n, (p, _)) in enumerate(left) if i not in taken and p == prompt]
            assert all(number < other for other in rest)
        seen += [number for number, _ in chosen]
        left = [one for i, one in enumerate(left) if i not in taken]
    assert sorted(seen) == list(range(len(waiting)))


def test_a_window_longer_than_the_budget_goes_alone() -> None:
    assert fill([(0, 30), (0, 1)], budget=8, mixes=True) == [0]


def test_a_step_is_one_tensor_without_padding() -> None:
    windows = [np.array([7, 8, 9], np.int32), np.array([1], np.int32)]
    step = Step.of(windows, prefix=5, device=torch.device("cpu"))
    assert step.ids.tolist() == [7, 8, 9, 1]
    assert step.ids.dtype == torch.int64
    assert step.packed.starts.tolist() == [0, 3, 4]
    assert (step.packed.longest, step.packed.prefix) == (3, 5)


def test_on_a_cpu_nothing_is_copied() -> None:
    there = torch.arange(3)
    assert on_device(there, torch.device("cpu")).data_ptr() == there.data_ptr()
    assert on_host(there) is there
