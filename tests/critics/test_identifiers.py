"""Identifiers are found whole, and only whole."""

from __future__ import annotations

import numpy as np
import pytest

from cprs.critics.embedded_base import Base
from cprs.critics.identifiers import WORTH, Identifiers
from cprs.critics.words import Pieces
from cprs.formats import segment
from cprs.windows import Window, cut_windows


@pytest.fixture(scope="module")
def base() -> Base:
    return Base.load()


def only(base: Base, text: str) -> Window:
    bounds = segment(text, format="text", granularity="line").passages
    (window,) = cut_windows(base.encode(text), bounds, size=base.window)
    return window


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        ("Which lines mention 10.10.34.3?", [1]),
        ("What is the value of a64ebc77-7bbe?", [3]),
        ("Who is called Ann?", []),
        ("What was fixed in v2.10?", [4]),
        ("Compare 10.10.34.3 with 10.10.34.33.", [1, 2]),
        ("Anything on 10.10.34.3?", [1]),
        ("", []),
    ],
)
def test_whole_identifiers(base: Base, question: str, lines: list[int]) -> None:
    text = (
        "Ann came in 34 minutes.\nfrom 10.10.34.3 at noon\nfrom 10.10.34.33 at night\n"
        "key a64ebc77-7bbe: 5\nfixed in v2.10\nfixed in v2.1\n"
    )
    gained = Identifiers(base, Pieces(base.vocabulary), question).odds(only(base, text))
    assert np.flatnonzero(gained).tolist() == lines
    assert set(gained.tolist()) <= {0.0, WORTH}
