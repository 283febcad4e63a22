"""`cprs data`: question sets made, and measured with."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from command import run

from cprs.train.sets.data import read_documents
from cprs.train.tasks import TASKS, Haystack

SQUAD = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "Ann chaired it. It rained.",
                    "qas": [
                        {
                            "id": "1",
                            "question": "Who chaired it?",
                            "answers": [{"text": "Ann", "answer_start": 0}],
                        },
                        {
                            "id": "2",
                            "question": "Who slept?",
                            "answers": [{"text": "Bob", "answer_start": 1}],
                        },
                    ],
                }
            ]
        }
    ]
}


def test_convert_writes_a_set_and_says_what_it_left_out(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps(SQUAD))
    out = tmp_path / "out.jsonl.gz"
    done = run("data", "convert", "--from", "squad", tmp_path / "in.json", "--out", out)
    assert done.code == 0, done.err
    assert "1 documents, 1 questions" in done.err
    assert "left out" in done.err
    assert "question 2" in done.err
    (document,) = read_documents(out)
    assert document.questions[0].evidence == ((0, 15),)


def test_tasks_into_one_file(tmp_path: Path) -> None:
    outs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for out in outs:
        arguments = ("data", "tasks", "-t", "needle", "-t", "passkey", "--count", 3)
        done = run(*arguments, "--length", 1500, "--seed", 4, "--out", out)
        assert done.code == 0, done.err
    assert outs[0].read_bytes() == outs[1].read_bytes()
    made = list(read_documents(outs[0]))
    assert [document.id for document in made][::3] == ["needle-4-0", "passkey-4-0"]


def test_all_tasks_are_measured_by_eval(tmp_path: Path) -> None:
    """Out of `data tasks`, into `eval critic`, with text of one's own around."""
    hay = tmp_path / "hay.txt"
    hay.write_text("".join(Haystack().take(20_000, random.Random(0))))
    sets = tmp_path / "sets"
    made = run("data", "tasks", "--count", 2, "--length", 3000, "--haystack", hay, "--out", sets)
    assert made.code == 0, made.err
    assert {path.name.split(".")[0] for path in sets.iterdir()} == set(TASKS)
    asked = ("--critic", "lexical", "--queries", 2, "--ratio", 2, "--haystack", hay, "--json")
    done = run("eval", "critic", "--data", sets, *asked)
    assert done.code == 0, done.err
    # Nothing can be kept where there is nothing.
    measured = {cell["source"] for cell in json.loads(done.out)["sets"]}
    assert measured == set(TASKS) - {"absent"}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("convert", "--from", "nq", "x.json", "--out", "{}/a.jsonl"), 2, "unknown format 'nq'"),
        (("convert", "--from", "squad", "{}/no.json", "--out", "{}/a.jsonl"), 3, "no.json: cannot"),
        (("convert", "--from", "squad", "x.json", "--out", "{}/no/a.jsonl"), 1, "no folder"),
        (("convert", "--from", "squad", "x.json", "--out", "{}/a.txt"), 2, "NAME.jsonl"),
        (("tasks", "--task", "hay", "--out", "{}/a.jsonl"), 2, "unknown task 'hay'"),
        (("tasks", "--length", "10", "--out", "{}/a.jsonl"), 2, "length must be"),
        (("tasks", "--count", "0", "--out", "{}/sets"), 2, "count must be"),
        (("tasks", "--haystack", "{}/none", "--out", "{}/a.jsonl"), 3, "No such file"),
        (("tasks", "--haystack", "{}", "--out", "{}/a.jsonl"), 2, "no text for a haystack"),
        (("tasks",), 2, "--out"),
    ],
)
def test_misuse_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = run("data", *(argument.format(tmp_path) for argument in arguments))
    assert (done.code, says in done.error) == (code, True), done.err
    assert list(tmp_path.iterdir()) == []
