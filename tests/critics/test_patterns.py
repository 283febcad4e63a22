"""What is recognised by how it is written, and when."""

from __future__ import annotations

import numpy as np
import pytest

from cprs.critics.embedded_base import Base
from cprs.critics.patterns import PATTERNS, WORTH, Patterns
from cprs.critics.words import Pieces
from cprs.formats import segment
from cprs.windows import Window, cut_windows

TEXT = """\
Write to Ana.Silva+post@mail.example.org before noon.
The page is www.example.org/guide and its mirror https://m.example.net.
From 10.0.3.17 and fe80::1ff:fe23:4567:890a came nothing.
Call +44 20 7946 0958 or (030) 901820-14, extension 12.
It rose by 4.5 % and fell by two per cent.
They paid $1,200.50 and 30 euros.
Doors open at 18:30, last entry 9.15 p.m.
Job 123e4567-e89b-12d3-a456-426614174000 is done.
In 2024 version 1.2.3 had 1500 users, order 4711-22 on 2024-05-17.
Nothing here, at all. May you march on.
Until 3 March, or July 4th, 2021; 12.5.2020 is too late.
The tank holds 40 litres and weighs 3.5 kg at 20 °C.
Who signed it? Nobody knows.
"""


@pytest.fixture(scope="module")
def base() -> Base:
    return Base.load()


def only(base: Base, text: str, granularity: str = "line") -> Window:
    bounds = segment(text, format="text", granularity=granularity).passages
    (window,) = cut_windows(base.encode(text), bounds, size=base.window)
    return window


@pytest.mark.parametrize(
    ("instruction", "lines"),
    [
        ("Extract every e-mail address.", [0]),
        ("all emails", [0]),
        ("Which links are there?", [1]),
        ("Extract all IP addresses.", [2]),
        ("Which phone numbers are given?", [3]),
        ("List the percentages.", [4]),
        ("Find all prices and phone numbers.", [3, 5]),
        ("Extract the times of day.", [6]),
        ("every UUID", [7]),
        ("Which versions are named?", [8]),
        ("Extract the time stamps.", []),
        ("Find all order numbers.", []),
        ("Which file paths are there?", []),
        ("Extract every date.", [8, 11]),
        ("Keep the sentences with measurements.", [12]),
        ("Which questions were asked?", [13]),
        ("Extract what answers the questions.", []),
        ("Extract the emails that complain about prices.", [5]),
        ("Keep the sentences about the weather.", []),
        ("", []),
    ],
)
def test_each_where_it_is_asked_for(base: Base, instruction: str, lines: list[int]) -> None:
    window = only(base, TEXT)
    gained = Patterns(Pieces(base.vocabulary), instruction).look(window).tokens
    found = np.maximum.reduceat(gained, window.units[:, 0])
    assert np.flatnonzero(found > 0).tolist() == lines
    assert set(gained.tolist()) <= {-WORTH, 0.0, WORTH}


@pytest.mark.parametrize(
    ("instruction", "written"),
    [
        ("all phone numbers", "+44 20 7946 0958"),
        ("all e-mail addresses", "Ana.Silva+post@mail.example.org"),
        ("all links", "https://m.example.net/a?b=1"),
    ],
)
def test_its_own_tokens_gain(base: Base, instruction: str, written: str) -> None:
    text = f"Reach me on {written} today, or never."
    window = only(base, text)
    gained = Patterns(Pieces(base.vocabulary), instruction).look(window).tokens
    first, last = np.flatnonzero(gained > 0)[[0, -1]]
    assert text[window.offsets[first, 0] : window.offsets[last, 1]] == written
    assert (gained[first : last + 1] > 0).all()
    # Nothing else is asked for.
    assert (gained[:first] < 0).all()
    assert (gained[last + 1 :] < 0).all()


@pytest.mark.parametrize(
    "instruction",
    ["Extract the phone numbers and names.", "Which prices are given?", "dates and links"],
)
def test_nothing_is_lost_where_more_is_asked_for(base: Base, instruction: str) -> None:
    assert (Patterns(Pieces(base.vocabulary), instruction).look(only(base, TEXT)).tokens >= 0).all()


@pytest.mark.parametrize("name", PATTERNS)
def test_long_runs_cost_little(name: str) -> None:
    written = PATTERNS[name].written
    for run in ("1 " * 3000, "a." * 3000, "a@" * 3000, "1:" * 3000, "www." * 3000, "$" * 6000):
        written.findall(run + "!", timeout=2)


def test_an_empty_window_gains_nothing(base: Base) -> None:
    bounds = np.zeros((0, 2), np.int64)
    window = Window(0, 0, np.zeros(0, np.int32), bounds, bounds)
    assert not len(Patterns(Pieces(base.vocabulary), "all prices").look(window).tokens)


def test_labels_are_called_by_their_form(base: Base) -> None:
    window = only(base, TEXT)
    labels = ("dates", "the people's names", "e-mail addresses", "price")
    said = Patterns(Pieces(base.vocabulary), "Tag them.", labels).look(window).labels
    best = np.maximum.reduceat(said, window.units[:, 0])
    assert np.flatnonzero(best[:, 0] > 0).tolist() == [8, 11]
    assert not said[:, 1].any()
    assert np.flatnonzero(best[:, 2] > 0).tolist() == [0]
    assert (said[:, 2] != 0).all()
    assert np.flatnonzero(best[:, 3] > 0).tolist() == [5]


def test_levels_tell_labels_of_lines_apart(base: Base) -> None:
    text = "12:00 ERROR no disk\n12:01 [warn] disk is back, errors: 0\n12:02 INFO all is well\n"
    pieces, window = Pieces(base.vocabulary), only(base, text)
    owner = np.repeat(np.arange(3), np.diff(window.units)[:, 0])
    labels = ("the failures", "every warning", "all other lines")
    said = Patterns(pieces, "Tag them.", labels).look(window).labels
    assert (said == np.array([[WORTH, 0, 0], [0, WORTH, 0], [0, 0, 0]])[owner]).all()
    # Alone, "error" may mean anything.
    assert not Patterns(pieces, "Tag them.", ("errors", "dates")).look(window).labels[:, 0].any()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("reference", "order PO-388339"),
        ("reference", "#48812"),
        ("path", "in ./src/yard/willow.log"),
        ("path", "saved src/zenith/vector.log"),
        ("path", r"under C:\\temp\\a.txt"),
        ("timestamp", "[1903962518.440]"),
        ("timestamp", "2031-04-28T20:33:59Z info"),
        ("timestamp", "apr 28 20:33:59"),
        ("version", "since v8.10"),
        ("date", "2025/07/20"),
    ],
)
def test_forms(name: str, written: str) -> None:
    assert PATTERNS[name].written.search(written.lower())
    assert not PATTERNS[name].written.search("nothing of that kind, and/or 17 more")
