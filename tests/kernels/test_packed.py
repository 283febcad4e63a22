from __future__ import annotations

import pytest
import torch
from cprs_kernels import Packed, ShapeError
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), max_size=8), st.integers(0, 9))
def test_rows_know_their_window_and_their_position(lengths: list[int], prefix: int) -> None:
    packed = Packed.of(lengths, prefix=prefix)
    rows = sum(lengths)
    expected = [(window, prefix + i) for window, rows in enumerate(lengths) for i in range(rows)]
    assert packed.windows == len(lengths)
    assert packed.longest == max(lengths, default=0)
    assert packed.starts.dtype == torch.int32
    owners, positions = packed.owners(rows).tolist(), packed.positions(rows).tolist()
    assert list(zip(owners, positions, strict=True)) == expected


def test_negative_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="negative"):
        Packed.of([3, -1])
    with pytest.raises(ShapeError, match="negative"):
        Packed.of([3], prefix=-1)
