"""`cprs eval critic` and `cprs eval calibration`: whatever is asked, one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import run

REMARK = "A remark about nothing. "
FACT = "Maria took the chair."
TEXT = REMARK * 30 + FACT + " " + REMARK * 30


def write_set(folder: Path, *, evidence: bool = True) -> Path:
    at = TEXT.index(FACT)
    asked = {"q": "Who took the chair?", "ev": [[at, at + len(FACT)]] if evidence else []}
    row = {"id": "1", "text": TEXT, "context": "joined", "qas": [asked]}
    folder.mkdir()
    (folder / "toy.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", ["critic", "calibration"])
def test_a_critic_named_twice_is_measured_once(tmp_path: Path, command: str) -> None:
    sets = write_set(tmp_path / "sets")
    twice = ("--critic", "lexical") * 2
    done = run("eval", command, "--data", sets, *twice, "--json")
    assert done.code == 0, done.err
    assert [row["queries"] for row in json.loads(done.out)["sets"]] == [1]


@pytest.mark.parametrize("command", ["critic", "calibration"])
@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--hops", 0), 2, "hops must be 1 to 4, got 0"),
        (("--queries", 0), 2, "queries must be at least 1"),
        (("--source", "other"), 2, "unknown set 'other'; known: toy"),
        (("--critic", "nobody"), 2, "unknown critic 'nobody'"),
        (("--haystack", "nowhere.txt"), 3, "nowhere.txt: cannot be read: No such file"),
    ],
)
def test_misuse(
    tmp_path: Path, command: str, options: tuple[object, ...], code: int, says: str
) -> None:
    sets = write_set(tmp_path / "sets")
    done = run("eval", command, "--data", sets, "--critic", "lexical", *options)
    assert (done.code, done.out, says in done.error) == (code, b"", True), done.err


def test_a_ratio_that_is_no_number(tmp_path: Path) -> None:
    sets = write_set(tmp_path / "sets")
    done = run("eval", "critic", "--data", sets, "--critic", "lexical", "--ratio", "nan")
    assert (done.code, "ratios must be 1 or more" in done.error) == (2, True)


def test_sets_without_evidence_are_said_to_be_so(tmp_path: Path) -> None:
    sets = write_set(tmp_path / "sets", evidence=False)
    done = run("eval", "critic", "--data", sets, "--critic", "lexical")
    assert (done.code, done.out) == (2, b"")
    assert done.error == f"{sets}: no question with marked evidence to measure with"


def test_a_line_nested_too_deeply_is_named(tmp_path: Path) -> None:
    (tmp_path / "deep.jsonl").write_text("[" * 200_000)
    done = run("eval", "critic", "--data", tmp_path, "--critic", "lexical")
    assert done.code == 3
    assert done.error.endswith("deep.jsonl:1: nested too deeply")
