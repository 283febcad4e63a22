"""Examples in JSONL: what is written is read, and what is none says where and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cprs.errors import OptionError, TextError
from cprs.l1.example import Example, read_examples, write_examples

GOOD = {"uid": "a", "question": "Who?", "answers": ["Ann"]}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    examples = [
        Example("a", "Who?", "Ann did.\nReally.", ("Ann", "Anne"), source="x", tokens=7),
        Example("b", "How many?", "", ("3",), kind="numeric"),
        Example("ü", "哪个?", " ", ("A",), kind="choice"),
        Example("lines", "One?", "a\u2028b\x85c\x0cd", ("yes",)),
    ]
    path = tmp_path / "x.jsonl"
    assert write_examples(path, examples) == 4
    assert read_examples(path) == examples


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        (json.dumps({"uid": "a", "question": "q"}), "needs 'answers'"),
        (json.dumps({**GOOD, "answer": "x"}), "unknown name 'answer'"),
        (json.dumps({**GOOD, "answers": "Ann"}), "answers must be a list of texts"),
        (json.dumps({**GOOD, "answers": [1]}), "answers must be a list of texts"),
        (json.dumps({**GOOD, "answers": [" "]}), "has no answer"),
        (json.dumps({**GOOD, "question": " "}), "has no question"),
        (json.dumps({**GOOD, "context": 3}), "context must be a text"),
        (json.dumps({**GOOD, "kind": "number"}), "unknown kind"),
        (json.dumps({**GOOD, "tokens": "many"}), "tokens must be a whole number"),
        (json.dumps({**GOOD, "tokens": -1}), "tokens must be at least 0"),
        (json.dumps({**GOOD, "uid": ""}), "needs a uid"),
    ],
)
def test_a_line_that_is_no_example_says_where_and_why(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(TextError, match=rf"x\.jsonl:3: .*{says}"):
        read_examples(path)


def test_a_file_without_examples_and_one_with_a_uid_twice_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(TextError, match="holds no example"):
        read_examples(path)
    path.write_text(2 * (json.dumps(GOOD) + "\n"), encoding="utf-8")
    with pytest.raises(TextError, match="1 and 2 have one uid"):
        read_examples(path)
    with pytest.raises(TextError, match="cannot be read"):
        read_examples(tmp_path / "missing.jsonl")


def test_an_example_by_hand_is_checked_too() -> None:
    with pytest.raises(OptionError, match="has no answer"):
        Example("a", "q", "c", ())
