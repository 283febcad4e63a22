"""How guidance is measured, with a critic whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kinds import KindsCritic

from cprs import Compressor
from cprs.errors import OptionError, TextError
from cprs.train.measure.cases import read_case
from cprs.train.measure.guidance import measure_guidance, measure_labels
from cprs.train.sets.data import Document, Question

CASE = """\
? number | | Extract every number.
? number | word | Extract every number.
? name | | Extract the names.
? rain | | What about the weather?

The box holds {number|12} nails. [x]
{name|Ann} has {number|7} of them.
Nobody counts the rest.

[rain] It rained.
{name|Carl} was not there.
"""


def test_a_case_is_measured_as_it_is_marked(tmp_path: Path) -> None:
    (tmp_path / "nails.txt").write_text(CASE)
    case = read_case(tmp_path / "nails.txt")
    assert case.text == (
        "The box holds 12 nails. [x] Ann has 7 of them. Nobody counts the rest.\n\n"
        "It rained. Carl was not there.\n"
    )
    assert case.wanted("rain") == [False, False, False, True, False]
    report = measure_guidance([KindsCritic()], cases=[case], documents=0)
    found = [(k.wanted, k.kept, k.precision, k.recall, k.best) for k in report.kept]
    # The critic finds all numbers, and one name, whatever it is asked for.
    assert found == [(2, 2, 1, 1, 1), (2, 3, 2 / 3, 1, 0.5), (2, 2, 0.5, 0.5, 0.5), (1, 2, 0, 0, 0)]
    assert "Extract every number." in report.text()
    assert json.loads(report.json())["kept"][0]["recall"] == 1


def test_lines_that_begin_with_space_belong_to_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "code.py.txt"
    path.write_text("? f | | function f\n\n[f] def f():\n    return 1\nx = 2\n")
    case = read_case(path)
    assert case.filename == "code.py"
    assert [case.text[a:b] for a, b in case.units] == ["def f():\n    return 1", "x = 2"]
    assert case.wanted("f") == [True, False]


@pytest.mark.parametrize("text", ["", "no question\n\ntext", "? a | | b\n"])
def test_what_is_no_case_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.txt").write_text(text)
    with pytest.raises(TextError, match=r"bad\.txt: not a case"):
        read_case(tmp_path / "bad.txt")


def test_labels_are_counted_where_evidence_is_kept() -> None:
    text = "Ann met Bob. The 12 boxes are Carl's. Nothing else."
    spans = [(text.index(word), text.index(word) + len(word)) for word in ("Ann", "12", "Carl")]
    instruction = "Tag numbers with 'number' and names with 'person'."

    def document(*labels: str) -> Document:
        question = Question(instruction, tuple(spans), (), "span", instruction, labels)
        return Document("1", "made", text, (question,))

    compressor = Compressor(KindsCritic())
    called = measure_labels(compressor, [document("person", "number", "person")], "x")
    assert (called.evidence, called.kept, called.right, called.accuracy) == (3, 2, 2, 1)
    wrong = measure_labels(compressor, [document("number", "number", "person")], "x")
    assert (wrong.kept, wrong.right) == (2, 1)


def test_numbers_without_meaning() -> None:
    with pytest.raises(OptionError, match="documents"):
        measure_guidance([KindsCritic()], documents=-1)
