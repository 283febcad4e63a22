"""Entries of JSON files, however the file is read in pieces."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import TextError
from cprs.train.convert import entries
from cprs.train.convert.entries import read_entries

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.text(min_size=1), JSON, min_size=1, max_size=3), max_size=5)


@pytest.fixture(params=[1, 7, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(entries, "_CHUNK", request.param)
    return int(request.param)


def _read(path: Path, text: str, **options: str) -> list[tuple[str, Any]]:
    path.write_text(text, encoding="utf-8", newline="")
    return list(read_entries(path, **options))


@settings(deadline=None, max_examples=40)
@given(rows=ROWS, ascii_=st.booleans(), indent=st.sampled_from([None, 1]), size=st.integers(1, 40))
def test_lists_and_what_is_under_a_key(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Any],
    ascii_: bool,
    indent: int | None,
    size: int,
) -> None:
    path = tmp_path_factory.mktemp("e") / "a.json"
    wanted = [(str(number), row) for number, row in enumerate(rows, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "_CHUNK", size)
        text = json.dumps(rows, ensure_ascii=ascii_, indent=indent)
        assert _read(path, text) == wanted
        text = json.dumps({"version": "1", "x": {"data": 1}, "data": rows}, ensure_ascii=ascii_)
        assert _read(path, text, key="data") == wanted


def test_lines_and_mappings(tmp_path: Path, chunk: int) -> None:
    rows = [{"id": "a", "n": 12.5, "deep": {"x": [1, {"y": "é\n"}]}}, {"id": "b"}]
    lines = "\n".join(map(json.dumps, rows))
    assert _read(tmp_path / "a.jsonl", lines + "\n") == [("1", rows[0]), ("2", rows[1])]
    mapping = {"first": rows[0], "second": rows[1]}
    assert _read(tmp_path / "a.json", json.dumps(mapping)) == list(mapping.items())
    assert _read(tmp_path / "b.json", "{}") == []
    packed = tmp_path / "a.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(rows).encode()))
    assert [row for _, row in read_entries(packed)] == rows


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("hello", "not JSON: it begins with 'h'"),
        ('[{"a": 1}, {"a": }]', "entry 2: not JSON: Expecting value"),
        ('[{"a": 1}, {"a": "open', "entry 2: not JSON: Unterminated"),
        ('[{"a": 1}', r"'\]' expected, '' found"),
        ('{"data": {"a": 1}}', r"'\[' expected, '{' found"),
        ('{"data": 1, "data": []}', r"'\[' expected, '1' found"),
        ('{"dat": []}', "there is no 'data'"),
        ("[" * 100_000, "entry 1: (nested too deeply|not JSON)"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, chunk: int, text: str, says: str) -> None:
    with pytest.raises(TextError, match=rf"a\.json: .*{says}"):
        _read(tmp_path / "a.json", text, key="" if text.startswith("[") else "data")


def test_an_error_is_found_before_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "_CHUNK", 1_000)
    path = tmp_path / "a.json"
    path.write_text('[{"a": nonsense}, ' + '"x", ' * 100_000 + "1]")
    with path.open() as file:
        monkeypatch.setattr(entries, "open_text", lambda _: file)
        stream = read_entries(path)
        with pytest.raises(TextError, match="entry 1"):
            next(stream)


def test_one_entry_in_memory_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "_CHUNK", 100)
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"id": n} for n in range(10_000)]))
    file = path.open()
    monkeypatch.setattr(entries, "open_text", lambda _: file)
    stream = read_entries(path)
    assert next(stream) == ("1", {"id": 0})
    read = path.stat().st_size - len(file.read())
    file.close()
    assert read < 1_000 < path.stat().st_size
