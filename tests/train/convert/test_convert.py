"""Public formats, by small files of their structure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cprs.errors import OptionError, TextError
from cprs.train.convert import CONVERTERS, convert
from cprs.train.sets.data import Document, read_documents
from cprs.train.sets.write import write_documents

CONTEXT = " The hall opened in 1901. Its roof, by Dr. Orr, leaked at once. It closed in 1950."


def _squad(**changes: Any) -> dict[str, Any]:
    asked = [
        {
            "id": "q1",
            "question": " Who made the roof? ",
            "answers": [
                {"text": "Dr. Orr", "answer_start": CONTEXT.index("Dr.")},
                {"text": "Orr", "answer_start": CONTEXT.index("Orr")},
            ],
            "is_impossible": False,
        },
        {
            "id": "q2",
            "question": "Who made the doors?",
            "answers": [],
            "plausible_answers": [{"text": "Dr. Orr", "answer_start": CONTEXT.index("Dr.")}],
            "is_impossible": True,
        },
    ]
    paragraph = {"context": CONTEXT, "qas": asked} | changes
    empty = {"context": "Nothing is asked here.", "qas": []}
    return {"version": "v2.0", "data": [{"title": "Hall", "paragraphs": [paragraph, empty]}]}


def _hotpot(**changes: Any) -> dict[str, Any]:
    return {
        "_id": "5a",
        "answer": "Lena",
        "question": "Who leads the town where the mill is?",
        "supporting_facts": [["Mill", 1], ["Town", 0]],
        "context": [
            ["Mill", ["The mill is old.", " It stands in Larn."]],
            ["Well", ["Wells are deep."]],
            ["Town", ["Lena leads Larn.", " It is small."]],
        ],
        "type": "bridge",
        "level": "hard",
    } | changes


def _musique(**changes: Any) -> dict[str, Any]:
    return {
        "id": "2hop__1_2",
        "paragraphs": [
            {"idx": 0, "title": "Mill", "paragraph_text": "It is in Larn.", "is_supporting": True},
            {"idx": 1, "title": "Well", "paragraph_text": "Deep.", "is_supporting": False},
            {"idx": 2, "title": "Larn", "paragraph_text": "Lena leads.", "is_supporting": True},
        ],
        "question": "Who leads the mill's town?",
        "question_decomposition": [
            {"id": 1, "question": "mill >> town", "answer": "Larn", "paragraph_support_idx": 0},
            {"id": 2, "question": "#1 >> leader", "answer": "Lena", "paragraph_support_idx": 2},
        ],
        "answer": "Lena",
        "answer_aliases": ["Lena of Larn"],
        "answerable": True,
    } | changes


def _qasper(**changes: Any) -> dict[str, Any]:
    def answer(**said: Any) -> dict[str, Any]:
        none = {
            "unanswerable": False,
            "extractive_spans": [],
            "yes_no": None,
            "free_form_answer": "",
            "evidence": [],
            "highlighted_evidence": [],
        }
        return {"answer": none | said, "annotation_id": "x", "worker_id": "y"}

    def asked(question: str, *answers: dict[str, Any]) -> dict[str, Any]:
        return {"question": question, "question_id": "q", "answers": list(answers)}

    paper = {
        "title": "On Names",
        "abstract": "We study names.",
        "full_text": [
            {"section_name": "Data", "paragraphs": ["We use two sets. Both are small.", ""]},
            {"section_name": None, "paragraphs": ["It works."]},
        ],
        "figures_and_tables": [{"caption": "Table 1: Scores.", "file": "1.png"}],
        "qas": [
            asked(
                "Which data?",
                answer(
                    extractive_spans=["two sets"],
                    evidence=["We use two sets. Both are small."],
                    highlighted_evidence=["We use two sets."],
                ),
                answer(unanswerable=True),
            ),
            asked(
                "What scores?",
                answer(free_form_answer="See table", evidence=["FLOAT SELECTED: Table 1: Scores."]),
            ),
            asked("Is it fast?", answer(unanswerable=True)),
            asked("Does it work?", answer(yes_no=True, evidence=["It works."],
                                          highlighted_evidence=["It surely works."])),
            asked("Where?", answer(free_form_answer="there", evidence=["Not in the text."])),
        ],
    }  # fmt: skip
    return {"1901.00001": paper | changes}


def _convert(name: str, path: Path, data: Any) -> tuple[list[Document], list[str]]:
    lines = isinstance(data, list) and name == "musique"
    path.write_text("\n".join(map(json.dumps, data)) if lines else json.dumps(data))
    notes: list[str] = []
    return list(convert(name, path, note=notes.append)), notes


def _evidence(document: Document) -> list[list[str]]:
    return [[document.text[a:b] for a, b in q.evidence] for q in document.questions]


def test_squad(tmp_path: Path) -> None:
    (document,), notes = _convert("squad", tmp_path / "a.json", _squad())
    assert document.text == CONTEXT
    assert _evidence(document) == [["Its roof, by Dr. Orr, leaked at once."], []]
    made, doors = document.questions
    assert (made.text, made.answers) == ("Who made the roof?", ("Dr. Orr", "Orr"))
    assert (doors.answers, document.context, notes) == ((), "joined", [])


def test_squad_of_version_1(tmp_path: Path) -> None:
    start = CONTEXT.index("1901")
    asked = [{"id": "q", "question": "When?", "answers": [{"text": "1901", "answer_start": start}]}]
    (document,), _ = _convert("squad", tmp_path / "a.json", _squad(qas=asked))
    assert _evidence(document) == [["The hall opened in 1901."]]
    asked[0]["answers"] = []
    assert _convert("squad", tmp_path / "b.json", _squad(qas=asked))[0] == []


def test_squad_with_a_wrong_offset_says_so(tmp_path: Path) -> None:
    data = _squad()
    data["data"][0]["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] += 1
    (document,), notes = _convert("squad", tmp_path / "a.json", data)
    assert len(document.questions) == 1
    assert notes == ["entry 1: question q1: its answer is not there"]


def test_cuad_keeps_every_clause_as_marked(tmp_path: Path) -> None:
    spans = ["The hall opened in 1901", "It closed in 1950."]
    marked = [{"text": span, "answer_start": CONTEXT.index(span)} for span in spans]
    asked = [
        {"id": "c__Dates", "question": "Dates?", "answers": marked, "is_impossible": False},
        {"id": "c__Law", "question": "Law?", "answers": [], "is_impossible": True},
    ]
    (document,), _ = _convert("cuad", tmp_path / "a.json", _squad(qas=asked))
    assert _evidence(document) == [spans, []]
    assert document.context == "alone"


@pytest.mark.parametrize("name", ["hotpotqa", "2wiki"])
def test_hotpotqa(tmp_path: Path, name: str) -> None:
    (document,), notes = _convert(name, tmp_path / "a.json", [_hotpot()])
    assert _evidence(document) == [["It stands in Larn.", "Lena leads Larn."]]
    assert document.text.startswith("Mill\nThe mill is old. It stands in Larn.\n\nWell\n")
    assert (document.id, document.source, notes) == ("5a", name, [])


def test_hotpotqa_without_its_sentence_is_left_out(tmp_path: Path) -> None:
    rows = [_hotpot(supporting_facts=[["Mill", 7]]), _hotpot(), _hotpot(supporting_facts=[])]
    made, notes = _convert("hotpotqa", tmp_path / "a.json", rows)
    assert len(made) == 1
    assert notes == [
        "entry 1: left out: no sentence 7 in 'Mill'",
        "entry 3: left out: no facts",
    ]


def test_musique(tmp_path: Path) -> None:
    rows = [_musique(), _musique(answerable=False)]
    (document,), notes = _convert("musique", tmp_path / "a.jsonl", rows)
    assert _evidence(document) == [["It is in Larn.", "Lena leads."]]
    assert document.questions[0].answers == ("Lena", "Lena of Larn")
    assert document.questions[0].level == "paragraph"
    assert notes == ["entry 2: left out: 2hop__1_2 is unanswerable"]


def test_qasper(tmp_path: Path) -> None:
    (document,), notes = _convert("qasper", tmp_path / "a.json", _qasper())
    assert _evidence(document) == [["We use two sets."], ["Table 1: Scores."], [], ["It works."]]
    answers = [question.answers for question in document.questions]
    assert answers == [("two sets",), ("See table",), (), ("Yes",)]
    assert document.text.startswith("On Names\n\nWe study names.\n\n## Data\n\nWe use")
    assert notes == ["entry 1901.00001: left out: 'Where?': its evidence is not in the text"]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("squad", _squad(context=5), "entry 1: 'context' is not a string"),
        ("squad", {"data": [{"paragraphs": [{"context": "x", "qas": [{}]}]}]}, "missing 'answers'"),
        ("squad", [], "there is no 'data' in it: it is a list"),
        ("cuad", {"data": ["x"]}, "entry 1: "),
        ("hotpotqa", [_hotpot(), _hotpot(context={})], "entry 2: 'context' is not a list"),
        ("hotpotqa", [_hotpot(supporting_facts=[["Mill"]])], "entry 1: not enough values"),
        ("musique", [_musique(answer=None)], "entry 1: 'answer' is not a string"),
        ("musique", [_musique(), 7], "entry 2: "),
        ("qasper", _qasper(qas=None), "entry 1901.00001: 'qas' is not a list"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, name: str, data: Any, says: str) -> None:
    with pytest.raises(TextError, match=rf"a\.json: .*({says})"):
        _convert(name, tmp_path / "a.json", data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("squad", _squad()),
        ("cuad", _squad()),
        ("hotpotqa", [_hotpot()]),
        ("2wiki", [_hotpot()]),
        ("musique", [_musique()]),
        ("qasper", _qasper()),
    ],
)
def test_what_is_converted_can_be_read(tmp_path: Path, name: str, data: Any) -> None:
    made, _ = _convert(name, tmp_path / "a.json", data)
    write_documents(tmp_path / f"{name}.jsonl.gz", made)
    assert made
    assert list(read_documents(tmp_path / f"{name}.jsonl.gz")) == made


def test_formats_by_name(tmp_path: Path) -> None:
    assert set(CONVERTERS) == {"squad", "hotpotqa", "2wiki", "musique", "cuad", "qasper"}
    with pytest.raises(OptionError, match="unknown format 'triviaqa'; known: squad, "):
        convert("triviaqa", tmp_path / "a.json")
