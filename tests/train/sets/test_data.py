"""Question sets: what is read, and what is said about a line that cannot be."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from cprs.errors import OptionError, TextError
from cprs.train.sets.data import find_sources, read_documents, read_text


def _row(**changes: Any) -> dict[str, Any]:
    row = {
        "id": "1",
        "domain": "test",
        "lang": "en",
        "text": "Ann sat.\r\nBob ran.",
        "qas": [{"q": "Who ran?", "a": ["Bob"], "ev": [[10, 18]], "lvl": "sentence"}],
    }
    return row | changes


def _write(path: Path, *rows: dict[str, Any]) -> Path:
    data = "\n".join(json.dumps(row) for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_reads_plain_and_gzipped(tmp_path: Path, name: str) -> None:
    (document,) = read_documents(_write(tmp_path / name, _row()))
    (question,) = document.questions
    (start, end) = question.evidence[0]
    assert document.text[start:end] == "Bob ran."
    assert (document.source, question.answers, question.level) == ("a", ("Bob",), "sentence")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"text": 5}, "'text' is not a string"),
        ({"qas": [{"q": "x", "ev": [[3, 99]]}]}, "lies outside"),
        ({"qas": [{"q": "x", "ev": [[3, 3]]}]}, "lies outside"),
        ({"qas": [{"q": "x"}]}, "missing 'ev'"),
        ({"qas": [{"q": " ", "ev": []}]}, "'q' is empty"),
        ({"context": "both"}, "'context'"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = _write(tmp_path / "bad.jsonl", _row(), _row(**change))
    with pytest.raises(TextError, match=rf"bad\.jsonl:2: .*{says}"):
        list(read_documents(path))


def test_broken_json_and_broken_gzip_are_named(tmp_path: Path) -> None:
    plain = tmp_path / "broken.jsonl"
    plain.write_text('{"id": ', encoding="utf-8")
    with pytest.raises(TextError, match=r"broken\.jsonl:1"):
        list(read_documents(plain))
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(json.dumps(_row()).encode())[:-12])
    with pytest.raises(TextError, match=r"cut\.jsonl\.gz:\d+: cannot be read"):
        list(read_documents(cut))
    with pytest.raises(TextError, match="cannot be read"):
        read_text(tmp_path / "none.txt")


def test_finds_sets_where_they_lie(tmp_path: Path) -> None:
    dev = tmp_path / "critic" / "dev"
    dev.mkdir(parents=True)
    _write(dev / "b.jsonl.gz", _row())
    _write(dev / "a.jsonl", _row())
    assert list(find_sources(tmp_path)) == list(find_sources(dev)) == ["a", "b"]
    with pytest.raises(OptionError, match="no question sets"):
        find_sources(tmp_path / "none")
