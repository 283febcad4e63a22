"""Values are followed through assignments, and nowhere else."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.assignments import COMMON, WORTH, Assignments
from cprs.critics.embedded_base import Base
from cprs.critics.words import Pieces
from cprs.formats import segment
from cprs.windows import Window, cut_windows

TEXT = """\
VAR QWERT = 12345
The tide was out and 12345 gulls sat on the pier.
VAR PLOKM = VAR QWERT
let ZXCVB = 99887;
if QWERT == 12345 then stop
MNBVC := PLOKM
export HJKLP=$ZXCVB
Assign the value of MNBVC to YTREW.
call(width=UIOPA, depth=YTREW)
"""


@cache
def load() -> Base:
    return Base.load()


@pytest.fixture
def base() -> Base:
    return load()


def windows(base: Base, text: str, size: int = 256) -> list[Window]:
    bounds = segment(text, format="text", granularity="line").passages
    return cut_windows(base.encode(text), bounds, size=size)


def held(base: Base, question: str, text: str = TEXT, size: int = 256) -> list[int]:
    read = windows(base, text, size)
    asked = Assignments(base, Pieces(base.vocabulary), question, read)
    gained = np.concatenate([np.zeros(0), *(asked.odds(window) for window in read)])
    assert set(gained.tolist()) <= {0.0, WORTH}
    found: list[int] = np.flatnonzero(gained).tolist()
    return found


@pytest.mark.parametrize("size", [20, 256])
@pytest.mark.parametrize(
    ("question", "lines"),
    [
        ("Find all variables that are assigned the value 12345.", [0, 2, 5, 7, 8]),
        ("List each variable that equals 99887.", [3, 6]),
        ("What is the value of the variable MNBVC?", [0, 2, 5]),
        ("Trace PLOKM back to its number.", [0, 2]),
        ("What is the value of the variable ABCDE?", []),
        ("How many gulls sat on the pier?", []),
        ("Who counted 12345 gulls?", []),
        ("", []),
    ],
)
def test_chains(base: Base, question: str, lines: list[int], size: int) -> None:
    assert held(base, question, size=size) == lines


def test_a_name_that_everything_reads_is_no_link(base: Base) -> None:
    lines = "".join(f"name{n} = common + {n}\n" for n in range(COMMON + 1))
    question = "Which variables hold the value 77777?"
    assert held(base, question, "common = 77777\n" + lines) == [0]


def test_a_loop_ends(base: Base) -> None:
    assert held(base, "Trace BETA.", "ALPHA = BETA\nBETA = ALPHA\n") == [0, 1]


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="ab =:;\n<>!1$_", max_size=60))
def test_any_text_is_read(text: str) -> None:
    held(load(), "What is the value of a and b1?", text)
