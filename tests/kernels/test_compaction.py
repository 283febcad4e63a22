"""Compaction against lists."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cprs_kernels import Packed, ShapeError, UnavailableError
from cprs_kernels.compaction import compact, compact_reference, occupied
from exactness import numbers
from hypothesis import given, settings
from hypothesis import strategies as st

IMPLEMENTATIONS = ("library", "triton")
WINDOWS = st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=6)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@settings(deadline=None, max_examples=15)
@given(windows=WINDOWS, prefix=st.integers(0, 3))
def test_windows_leave_whole_and_the_others_keep_their_order(
    device: Any, implementation: Any, windows: list[tuple[int, bool]], prefix: int
) -> None:
    lengths = [length for length, _ in windows]
    packed = Packed.of(lengths, prefix=prefix, device=device)
    keep = torch.tensor([kept for _, kept in windows], dtype=torch.bool, device=device)
    rows = torch.arange(sum(lengths), device=device)
    wide = numbers(sum(lengths), 3, 2, device=device)
    left, (numbers_left, wide_left) = compact(
        keep, packed, rows, wide, implementation=implementation
    )
    wanted = [i for i, (_, kept) in zip(rows.split(lengths), windows, strict=True) if kept]
    expected = torch.cat([rows[:0], *wanted])
    assert torch.equal(numbers_left, expected)
    assert torch.equal(wide_left, wide[expected])
    assert left.starts.tolist() == Packed.of([len(i) for i in wanted]).starts.tolist()
    assert left.longest == max(map(len, wanted), default=0)
    assert left.prefix == prefix


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.booleans(), max_size=5), max_size=6))
def test_a_window_with_a_mark_is_occupied(marks: list[list[bool]]) -> None:
    packed = Packed.of([len(window) for window in marks])
    flat = torch.tensor([mark for window in marks for mark in window], dtype=torch.bool)
    assert occupied(flat, packed).tolist() == [any(window) for window in marks]


def test_marks_of_tokens_keep_their_windows() -> None:
    packed = Packed.of([2, 0, 3, 1])
    marks = torch.tensor([False, False, False, True, False, True])
    left, (rows,) = compact(marks, packed, torch.arange(6))
    assert rows.tolist() == [2, 3, 4, 5]
    assert left.starts.tolist() == [0, 3, 4]


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.int8, torch.bfloat16, torch.float8_e4m3fn, torch.float32]
)
@pytest.mark.parametrize("columns", [1, 3, 1500])
def test_rows_of_any_type_are_copied_bit_by_bit(device: Any, dtype: Any, columns: int) -> None:
    packed, keep = Packed.of([3, 12, 5], device=device), torch.tensor([False, True, True])
    kind = torch.uint8 if dtype == torch.bool else dtype
    size = columns * torch.empty(0, dtype=kind).element_size()
    bits = torch.randint(0, 2 if dtype == torch.bool else 256, (20, size)).to(torch.uint8)
    rows = bits.to(device).view(dtype)
    left, (moved,) = compact(keep.to(device), packed, rows, implementation="triton")
    assert moved.dtype == dtype
    assert torch.equal(moved.view(torch.uint8), bits[3:].to(device))
    if dtype != torch.float8_e4m3fn:
        _, wanted = compact_reference(keep.to(device), packed, rows)
        assert torch.equal(moved.view(torch.uint8), wanted.view(torch.uint8))
    assert left.windows == 2


@pytest.mark.parametrize("first", [1, 2, 3])
def test_rows_may_begin_anywhere_in_their_storage(device: Any, first: int) -> None:
    """Words of four bytes begin at multiples of four."""
    bits = torch.randint(0, 256, (48 + first,)).to(torch.uint8).to(device)
    rows = bits[first:].view(6, 8)
    keep = torch.tensor([False, True], device=device)
    packed = Packed.of([4, 2], device=device)
    _, (moved,) = compact(keep, packed, rows, implementation="triton")
    assert torch.equal(moved, rows[4:])


def test_what_does_not_fit_is_said() -> None:
    packed, keep = Packed.of([2, 3]), torch.tensor([True, False])
    with pytest.raises(ShapeError, match="keep is bool"):
        compact(keep.int(), packed, torch.ones(5))
    with pytest.raises(ShapeError, match="4 marks for 2 windows of 5 tokens"):
        compact(torch.ones(4, dtype=torch.bool), packed, torch.ones(5))
    with pytest.raises(ShapeError, match="one number of rows"):
        compact(keep, packed, torch.ones(5), torch.ones(4))
    with pytest.raises(ShapeError, match="marks are"):
        occupied(torch.ones(5), packed)
    with pytest.raises(UnavailableError, match="no gradient"):
        compact(keep, packed, torch.ones(5, requires_grad=True))
