"""Code points of JSON strings: where each is written, whatever its escape."""

from __future__ import annotations

import json

import pytest
from cprs_server.wire.strings import encode, source_offsets
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_json import STRINGS, write


@settings(deadline=None)
@given(STRINGS, st.integers(0, 9999), st.data())
def test_offsets_are_where_code_points_start(text: str, seed: int, data: st.DataObject) -> None:
    units = write(text, seed).strings[()]
    starts = [len("".join(units[:number])) for number in range(len(units) + 1)]
    offsets = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    assert source_offsets("".join(units), offsets) == [starts[n] for n in offsets]


@pytest.mark.parametrize("unit", ["x", r"\n", r"\\", r"\u00e9", r"\ud83d\ude00", r"\ud83d", "é"])
@pytest.mark.parametrize("length", [4095, 4096, 4097, 20_000])
def test_long_strings_are_counted_in_blocks(unit: str, length: int) -> None:
    wanted = [0, 1, 4095, length - 1, length]
    assert source_offsets(unit * length, sorted(wanted)) == sorted(n * len(unit) for n in wanted)


def test_offsets_beyond_the_end_are_refused() -> None:
    for source in ("abc", r"ab\n"):
        assert source_offsets(source, [3]) == [len(source)]
        with pytest.raises(ValueError, match="beyond"):
            source_offsets(source, [4])


@given(STRINGS)
def test_what_is_encoded_reads_back(text: str) -> None:
    inside = encode(text)
    assert json.loads(f'"{inside}"') == text
    inside.encode()  # halves of pairs are escaped
