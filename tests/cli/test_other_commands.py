"""Doctor, listings, evaluation, version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import run

from cprs import __version__
from cprs.critics import known_critics
from cprs.formats import known_formats

FACTS = "Ann chaired the meeting. Lunch was late. The budget was approved. It rained all day."


def test_version() -> None:
    assert run("--version").out.decode() == f"cprs {__version__}\n"


def test_critics_and_formats_are_listed() -> None:
    assert run("critics").out.decode().split() == list(known_critics())
    rows = run("formats").out.decode().splitlines()
    assert [row.split()[0] for row in rows[1:]] == list(known_formats())
    python = next(row for row in rows if row.startswith("python "))
    assert ".py" in python
    assert "function" in python


def test_doctor_tries_every_critic() -> None:
    done = run("doctor", "--json")
    found = json.loads(done.out)
    assert (done.code, found["healthy"]) == (0, True)
    assert found["packages"]["numpy"]
    assert found["weights"].startswith("ok")
    assert [check["name"] for check in found["critics"]] == list(known_critics())
    for check in found["critics"]:
        assert check["works"], check
        assert check["tokens_per_second"] > 0
    assert "onnx" in found["extras"]["export"]


def test_doctor_finds_broken_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cprs.critics.weights.SHIPPED", tmp_path)
    done = run("doctor")
    text = done.out.decode()
    assert done.code == 5
    assert "manifest.json is missing" in text
    assert "does not work (default)" in text
    assert f"cprs {__version__}, Python" in text


def test_evaluation_prints_a_table(tmp_path: Path) -> None:
    row = {
        "id": "1",
        "src": "tiny",
        "lang": "en",
        "text": FACTS,
        "qas": [
            {"q": "Who chaired the meeting?", "a": ["Ann"], "ev": [[0, 24]], "lvl": "sentence"}
        ],
    }
    (tmp_path / "tiny.jsonl").write_text(json.dumps(row) + "\n")
    options = ("eval", "critic", "--data", tmp_path, "--critic", "lexical", "--ratio", "2")
    done = run(*options)
    assert done.code == 0, done.err
    assert done.out.decode().splitlines()[0].split() == [
        "set",
        "context",
        "queries",
        "critic",
        "2x",
    ]
    assert "tiny" in done.out.decode()
    assert json.loads(run(*options, "--json").out)["ratios"] == [2.0]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (
            ("eval", "critic", "--data", "no-such-folder", "--critic", "lexical"),
            2,
            "no question sets",
        ),
        (("eval", "critic"), 2, "--data"),
        (("export", "critic"), 2, "--out"),
        (("export", "critic", "--base", "no-such-folder", "--out", "x"), 2, ""),
        (("examine",), 2, "No such command"),
    ],
)
def test_misuse(arguments: tuple[str, ...], code: int, says: str) -> None:
    done = run(*arguments)
    assert done.code == code
    assert says in done.error


@pytest.mark.parametrize("command", [(), ("eval",), ("export",)])
def test_a_command_without_arguments_shows_its_help(command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.code in (0, 2)
    assert "Usage: cprs" in done.out.decode() + done.err
