"""CSV and TSV: rows as the standard library reads them, and which row is the header."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.formats.delimited import cells
from cprs.formats.tables import CSV, TSV
from cprs.units import PASSAGE_LIMIT, Role

CELLS = st.text(st.sampled_from('ab1.é",;\n\r \t|'), max_size=5)


def rows(text: str, table: object = CSV) -> list[tuple[str, int, str]]:
    units = CSV.layout(text, "row").units if table is CSV else TSV.layout(text, "row").units
    return [(unit.kind, unit.parent, text[unit.start : unit.end]) for unit in units]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=8))
def test_rows_are_those_of_the_standard_library(table: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(table)
    text = "sep=,\n" + out.getvalue()
    units = CSV.layout(text, "row").units
    pieces = [text[unit.start : unit.end].removeprefix("sep=,\n") for unit in units]
    assert [cells(piece, ",") for piece in pieces if piece] == table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", [("header", -1, "a,b\n"), ("row", 0, "1,2\n")]),
        (
            'id;t\r\n1;"x\r\ny;""z"""\r\n2;v',
            [("header", -1, "id;t\r\n"), ("row", 0, '1;"x\r\ny;""z"""\r\n'), ("row", 0, "2;v")],
        ),
        ("1,Ann\n2,Bob\n", [("row", -1, "1,Ann\n"), ("row", -1, "2,Bob\n")]),
        (
            "land,2021,2022\nx,1,2\n",
            [("header", -1, "land,2021,2022\n"), ("row", 0, "x,1,2\n")],
        ),
        (
            "2024-01-02,a\n2024-01-03,b\n",
            [("row", -1, "2024-01-02,a\n"), ("row", -1, "2024-01-03,b\n")],
        ),
        ("only,one", [("row", -1, "only,one")]),
        (
            "sep=|\na|b\n1|2\n",
            [("header", -1, "sep=|\na|b\n"), ("row", 0, "1|2\n")],
        ),
        (
            "\na,b\n\n1,2\n",
            [
                ("blank", -1, "\n"),
                ("header", -1, "a,b\n"),
                ("blank", -1, "\n"),
                ("row", 1, "1,2\n"),
            ],
        ),
        # A quote that never closes, or not at a field's end, is a character like any other.
        ('a,b\n1,"x\n2,y\n', [("header", -1, "a,b\n"), ("row", 0, '1,"x\n'), ("row", 0, "2,y\n")]),
        (
            'a,b\n"x" y,2\nz,"3"\n',
            [("header", -1, "a,b\n"), ("row", 0, '"x" y,2\n'), ("row", 0, 'z,"3"\n')],
        ),
        ("", []),
    ],
)
def test_golden(text: str, expected: list[tuple[str, int, str]]) -> None:
    assert rows(text) == expected


def test_tabs() -> None:
    assert rows("a,b\tc\n1,2\t3\n", TSV) == [("header", -1, "a,b\tc\n"), ("row", 0, "1,2\t3\n")]


def test_the_header_is_not_selected_itself() -> None:
    units = CSV.layout("a,b\n1,2\n", "row").units
    assert [unit.role for unit in units] == [Role.FRAME, Role.CONTENT]


@pytest.mark.parametrize(
    "text",
    [
        '"' + "a\n" * 200_000,
        '"a""\n' * 100_000,
        '"""a\n' * 100_001,
        'a,"b"' * 100_000,
        "," * 500_000,
        "\x00\ud800,b\r" * 1_000,
    ],
    ids=["open quote", "half quotes", "odd quotes", "stray quotes", "one wide row", "oddities"],
)
def test_adversarial_tables(text: str) -> None:
    layout = CSV.layout(text, "row")
    assert layout.units.bounds[-1] == len(text)
    assert max(layout.passages[1:] - layout.passages[:-1]) <= PASSAGE_LIMIT


@pytest.mark.parametrize(
    ("sample", "likely"),
    [
        ("id,name,age\n1,Ann,30\n2,Bob,31\n3,Cy,32\n", True),
        ("id;name;age\n1;Ann;30\n2;Bob;31\n3;Cy;32\n", True),
        ("Well, he came.\nSo, she left.\nThen, it rained.\nNow, all is well.\n", False),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n", False),
        ("int a;\nint b;\nint c;\nint d;\n", False),
        ("a\nb\nc\n", False),
        ("", False),
    ],
)
def test_detection(sample: str, likely: bool) -> None:
    assert (CSV.detect(sample) > 0.5) is likely
