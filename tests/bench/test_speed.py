from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cprs_bench import speed
from cprs_bench.contenders import PAD, Counts
from cprs_bench.machine import describe
from cprs_bench.rivals import SEQUENCE, batches, full_stop_chunks
from cprs_bench.speed import Row
from hypothesis import given, settings
from hypothesis import strategies as st

STOP = 7


@settings(deadline=None)
@given(
    st.integers(0, 3000),
    st.lists(st.integers(0, 2999), max_size=30),
)
def test_chunks_are_all_of_the_text_in_order(length: int, stops: list[int]) -> None:
    ids = np.full(length, 1)
    ids[[stop for stop in stops if stop < length]] = STOP
    chunks = list(full_stop_chunks(ids, STOP))
    assert np.array_equal(np.concatenate([*chunks, ids[:0]]), ids)
    assert all(0 < len(chunk) < SEQUENCE for chunk in chunks)
    for chunk in chunks[:-1]:
        assert chunk[-1] == STOP or (len(chunk) == SEQUENCE - 1 and STOP not in chunk[1:])


def test_a_chunk_ends_at_its_last_full_stop() -> None:
    ids = np.full(1000, 1)
    ids[[100, 300, 600]] = STOP
    assert [len(chunk) for chunk in full_stop_chunks(ids, STOP)] == [301, 300, 399]


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=50), st.integers(1, 9))
def test_batches_hold_every_window_once_the_longest_first(lengths: list[int], size: int) -> None:
    windows = [np.full(length, number + 1) for number, length in enumerate(lengths)]
    found = list(batches(windows, size=size))
    assert [batch.shape[1] for batch in found] == sorted(
        (batch.shape[1] for batch in found), reverse=True
    )
    rows = [row[row != PAD] for batch in found for row in batch]
    assert sorted((len(row), int(row[0])) for row in rows) == sorted(
        (length, number + 1) for number, length in enumerate(lengths)
    )


def test_padding_is_counted() -> None:
    counts = Counts()
    assert counts.share == 0
    counts.add(np.array([[1, 2, PAD], [1, PAD, PAD]]))
    counts.add(np.array([[1, 2]]))
    assert counts.share == 3 / 8


def row(name: str, *, tokens: int, seconds: float) -> Row:
    return Row(name, "", tokens, seconds, 2 * seconds, 1.0, 0.0)


def test_rows_are_compared_by_tokens_per_second() -> None:
    rows = [row("a", tokens=1000, seconds=1), row("b", tokens=100, seconds=2)]
    lines = speed.table(rows).splitlines()
    assert "a is faster by" in lines[0]
    assert "| 1.00× | 1.00× |" in lines[2]
    assert "| 20.00× | 20.00× |" in lines[3]


def test_contenders_take_turns_and_the_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    clock = iter([0, 1, 0, 5, 0, 4, 0, 2, 0, 3, 0, 9])
    timer = SimpleNamespace(perf_counter=lambda: next(clock), process_time=lambda: 0)
    monkeypatch.setattr("cprs_bench.speed.time", timer)

    def contender(name: str) -> SimpleNamespace:
        return SimpleNamespace(
            about="", tokens=10, padding=0.0, warm_up=lambda: order.append(f"warm {name}"),
            run=lambda: order.append(name),
        )  # fmt: skip

    a, b = speed.measure({"a": contender("a"), "b": contender("b")}, rounds=3)
    assert order == ["warm a", "warm b", "a", "b", "b", "a", "a", "b"]
    assert (a.seconds, b.seconds) == (2, 5)
    assert (a.spread, b.spread) == (3, 9 / 4)


def test_cprs_is_measured_and_pads_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    speed.main(["--only", "thorough", "--tokens", "600", "--rounds", "1", "--json"])
    found = json.loads(capsys.readouterr().out)
    (measured,) = found["rows"]
    assert measured["name"] == "thorough"
    assert measured["tokens"] == found["tokens"] >= 600
    read, windows = map(int, re.findall(r"(\d+) of (\d+) windows read", measured["about"])[0])
    assert read == windows > 1
    assert measured["padding"] == 0
    assert measured["tokens_per_second"] > 0
    assert {"cpu", "instruction sets", "load average"} <= set(found["machine"])


def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find("json")
    )
    with pytest.raises(SystemExit):
        speed.main(["--only", "thorough", "llmlingua2"])
    assert "llmlingua2 needs torch; run: pip install 'cprs[bench]'" in capsys.readouterr().err


def test_the_machine_is_described(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("model name\t: Some CPU\nflags\t\t: avx2 avx512_vnni\n\nmodel name\t: other\n")
    found = describe(cpuinfo=info)
    assert found["cpu"] == "Some CPU"
    assert found["instruction sets"] == "AVX2, AVX-512 VNNI"
    assert found["int8 dot products"] == "yes"
    info.write_text("flags : avx2\n")
    assert describe(cpuinfo=info)["int8 dot products"].startswith("no")
    assert describe(cpuinfo=tmp_path / "none")["int8 dot products"] == "not known"
