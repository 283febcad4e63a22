"""Public layouts into examples, lengths, and made-up questions, their answers worked out anew."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from companion import l1

from cprs.errors import CprsError, OptionError, TextError
from cprs.l1.data.buckets import buckets, counted
from cprs.l1.data.convert import convert
from cprs.l1.data.rows import read_rows
from cprs.l1.data.synthetic import TASKS, synthetic
from cprs.l1.example import Example, read_examples

LONGBENCH = {"_id": "1", "input": "Who?", "context": "Ann.", "answers": ["Ann", "A."]}
ROWS: list[tuple[str, dict[str, Any], Example]] = [
    (
        "docmath",
        {"question_id": "s-1", "question": "How much?", "paragraphs": ["A.", "B."],
         "ground_truth": -2.5},
        Example("s-1", "How much?", "A.\nB.", ("-2.5",), "numeric", "docmath"),
    ),
    (
        "frames",
        {"Prompt": "Who?", "Answer": "Ann", "wiki_items": [{"title": "T", "text": "x"}, "y"]},
        Example("frames-1", "Who?", "T\nx\n\ny", ("Ann",), source="frames"),
    ),
    (
        "hotpotqa",
        {"_id": "h", "question": "Who?", "answer": "yes", "context": [["T", ["A.", " B."]]]},
        Example("h", "Who?", "T\nA. B.", ("yes",), source="hotpotqa"),
    ),
    (
        "2wikimultihopqa",
        {"id": "w", "question": "Who?", "answer": "Ann",
         "context": {"title": ["T", "U"], "sentences": [["A.", "B."], ["C."]]}},
        Example("w", "Who?", "T\nA. B.\n\nU\nC.", ("Ann",), source="2wikimultihopqa"),
    ),
    (
        "musique",
        {"id": "m", "question": "Who?", "answer": "Ann", "answer_aliases": ["A.", "Ann"],
         "answerable": True, "paragraphs": [{"title": "T", "paragraph_text": "x"}]},
        Example("m", "Who?", "T\nx", ("Ann", "A."), source="musique"),
    ),
    (
        "narrativeqa",
        {"document": {"text": "Story."}, "question": {"text": "Who?"},
         "answers": [{"text": "Ann"}, {"text": "A girl"}]},
        Example("narrativeqa-1", "Who?", "Story.", ("Ann", "A girl"), source="narrativeqa"),
    ),
    ("narrativeqa", LONGBENCH, Example("1", "Who?", "Ann.", ("Ann", "A."), source="narrativeqa")),
]  # fmt: skip
ANSWERS = [
    {"unanswerable": False, "extractive_spans": ["a", "b"], "yes_no": None, "free_form_answer": ""},
    {"unanswerable": False, "extractive_spans": [], "yes_no": False, "free_form_answer": ""},
    {"unanswerable": True, "extractive_spans": [], "yes_no": None, "free_form_answer": ""},
]


@pytest.mark.parametrize(("name", "row", "example"), ROWS)
def test_each_sets_layout(name: str, row: dict[str, Any], example: Example) -> None:
    assert list(convert(name, [row])) == [example]


def test_qasper_from_its_file_and_from_the_hub(tmp_path: Path) -> None:
    qas = [
        {"question": "Q1", "question_id": "q1", "answers": [{"answer": a} for a in ANSWERS]},
        {"question": "Q2", "question_id": "q2", "answers": [{"answer": ANSWERS[2]}]},
    ]
    sections = [{"section_name": "S", "paragraphs": ["x", "y"]}]
    paper = {"title": "T", "abstract": "A", "full_text": sections, "qas": qas}
    path = tmp_path / "qasper.json"
    path.write_text(json.dumps({"1909.1": paper}))
    wanted = [Example("q1", "Q1", "T\nA\n\nS\nx\ny", ("a, b", "No"), source="qasper")]
    assert list(convert("qasper", read_rows(path))) == wanted
    hub = {
        **paper,
        "full_text": {"section_name": ["S"], "paragraphs": [["x", "y"]]},
        "qas": {
            "question": ["Q1", "Q2"],
            "question_id": ["q1", "q2"],
            "answers": [{"answer": ANSWERS}, {"answer": ANSWERS[2:]}],
        },
    }
    assert list(convert("qasper", [hub])) == wanted


def test_multihoprag_takes_whole_articles() -> None:
    row = {"query": "Who?", "answer": "Ann", "evidence_list": [{"title": "T"}, {"title": "T"}]}
    none = {"query": "What?", "answer": "Insufficient information.", "evidence_list": []}
    (made,) = convert("multihoprag", [row, none], corpus={"T": "body"})
    assert made.context == "T\nbody"
    with pytest.raises(OptionError, match="a file of their own"):
        list(convert("multihoprag", [row]))
    with pytest.raises(TextError, match="row 1: there is no 'T'"):
        list(convert("multihoprag", [row], corpus={}))


def test_only_the_texts_that_bear_on_a_question() -> None:
    parts = [
        {"title": "T", "paragraph_text": "x", "is_supporting": False},
        {"title": "U", "paragraph_text": "y", "is_supporting": True},
    ]
    row = {**ROWS[4][1], "paragraphs": parts}
    (made,) = convert("musique", [row], supporting=True)
    assert made.context == "U\ny"
    row = {**ROWS[3][1], "supporting_facts": {"title": ["U", "U"], "sent_id": [0, 1]}}
    (made,) = convert("2wikimultihopqa", [row], supporting=True)
    assert made.context == "U\nC."
    row = {**ROWS[2][1], "supporting_facts": [["T", 0]]}
    (made,) = convert("hotpotqa", [row], supporting=True)
    assert made.context == "T\nA. B."
    with pytest.raises(OptionError, match="qasper does not say"):
        list(convert("qasper", [], supporting=True))
    with pytest.raises(TextError, match="LongBench does not say"):
        list(convert("musique", [LONGBENCH], supporting=True))


def test_what_is_no_row_says_which(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown set"):
        list(convert("squad", []))
    good = {**LONGBENCH}
    for name, row, says in (
        ("musique", {"id": 1}, "row 2: there is no"),
        ("frames", {"Prompt": "Q", "Answer": "A"}, "links alone"),
        ("hotpotqa", {"_id": "h", "context": 3, "question": "q", "answer": "a"}, "row 2: not its"),
    ):
        with pytest.raises(TextError, match=says):
            list(convert(name, [good, row]))
    unanswerable = {**ROWS[4][1], "answerable": False}
    assert list(convert("musique", [unanswerable])) == []
    for text, says in (("[1]", "holds no rows"), ('{"a": 1}\n{', ":2: not JSON"), ("1\n2", ":1:")):
        path = tmp_path / "x.json"
        path.write_text(text)
        with pytest.raises(CprsError, match=says):
            list(read_rows(path))
    table = tmp_path / "x.tsv"
    table.write_text('a\tb\n1\t"x\ty"\n')
    assert list(read_rows(table)) == [{"a": "1", "b": "x\ty"}]


def test_buckets_are_open_below_and_closed_above() -> None:
    made = [Example(str(n), "q", "c", ("a",), tokens=n) for n in (1, 10, 11, 20, 21)]
    parts = buckets(made, [10, 20])
    assert [[one.tokens for one in part] for part in parts] == [[1, 10], [11, 20], [21]]
    with pytest.raises(OptionError, match="must rise"):
        buckets(made, [20, 10])
    plain = Example("x", "two words", "three more words", ("a",))
    with pytest.raises(OptionError, match="count them first"):
        buckets([plain], [10])
    assert counted([plain], lambda text: len(text.split()))[0].tokens == 5


def solve(example: Example) -> str:
    """The answer, found in the text by other means than it was made by."""
    question, lines = example.question, example.context.split("\n")
    if example.source == "synthetic-chain":
        match = re.match(r"Starting from (.+), go up (\d) steps", question)
        assert match is not None
        above = dict(found for line in lines if (found := line[:-1].split(" reports to "))[1:])
        who = match[1]
        for _ in range(int(match[2])):
            who = above[who]
        return who
    if example.source == "synthetic-table":
        match = re.search(r"shipments of (\w+) from (\w+) change from (\w+) to (\w+)\?", question)
        assert match is not None
        good, town, a, b = match.groups()
        (row,) = [one for one in lines if one.startswith(f"Shipments of {good} from {town},")]
        tons = {m: int(n.replace(",", "")) for m, n in re.findall(r"([A-Z]\w+) ([\d,]+)", row)}
        return str(tons[b] - tons[a])
    match = re.search(r"orders of (\w+) were placed in (\w+)\?", question)
    assert match is not None
    return str(sum(f"ordered {match[1]} in {match[2]}." in line for line in lines))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("tokens", [200, 4_000, 60_000])
def test_made_up_questions_have_the_answer_they_say(task: str, tokens: int) -> None:
    made = list(synthetic(task, 6, tokens=tokens, seed=3))
    assert made == list(synthetic(task, 6, tokens=tokens, seed=3))
    assert len({one.question + one.context for one in made}) == 6
    for example in made:
        assert solve(example) == example.answers[0]
        if tokens > 1_000:
            assert len(example.context) / 4 == pytest.approx(tokens, rel=0.05)


def test_synthetic_says_what_it_cannot() -> None:
    with pytest.raises(OptionError, match="unknown task"):
        list(synthetic("poem", 1, tokens=1000))
    with pytest.raises(OptionError, match="at least 200"):
        list(synthetic("chain", 1, tokens=10))


def test_the_commands(tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    done = l1("data", "make", "--out", out, "--tokens", 300, "--tokens", 900, "--count", 2)
    assert done.code == 0, done.err
    assert len(read_examples(out)) == 12
    done = l1("data", "buckets", "--data", out, "--limit", 500, "--out", tmp_path / "parts")
    assert done.code == 0, done.err
    assert len(read_examples(tmp_path / "parts/x-to-500.jsonl")) == 6
    assert len(read_examples(tmp_path / "parts/x-longer.jsonl")) == 6
    source = tmp_path / "hotpotqa.json"
    source.write_text(json.dumps([ROWS[2][1]]))
    done = l1("data", "convert", "hotpotqa", "--file", source, "--out", out)
    assert done.code == 0, done.err
    assert read_examples(out) == [ROWS[2][2]]
    assert l1("data", "convert", "hotpotqa", "--out", out).code == 2
