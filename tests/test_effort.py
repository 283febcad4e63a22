"""Effort: which windows are read, and what is said about it."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from command import run
from numpy.typing import NDArray
from support import DiceCritic

from cprs import Compressor, Guidance, OptionError, Window
from cprs.effort import LEAST, LONG, SHARE, UNREAD, plan, resolve

GUIDANCE = Guidance(query="?")


@dataclass(frozen=True, slots=True)
class LastFirst(DiceCritic):
    """Takes the last windows for the most probable ones; or has no opinion."""

    silent: bool = False

    def skim(self, guidance: Guidance, windows: Sequence[Window]) -> NDArray[np.float32] | None:
        return None if self.silent else np.arange(len(windows), dtype=np.float32)


def _windows(count: int, length: int) -> list[Window]:
    ids = np.zeros(length, np.int32)
    offsets = np.zeros((length, 2), np.int64)
    return [Window(0, 1, ids, offsets, np.array([[0, length]]))] * count


def test_auto_goes_by_length_and_by_whether_all_of_something_is_asked_for() -> None:
    every = Guidance(instruction="Extract every date.")
    assert resolve("auto", GUIDANCE, LONG - 1) == "thorough"
    assert resolve("auto", GUIDANCE, LONG) == "fast"
    assert resolve("auto", every, LONG) == "thorough"
    assert resolve("fast", every, 10) == "fast"
    assert resolve("thorough", GUIDANCE, 10**7) == "thorough"


def test_fast_reads_the_best_share() -> None:
    planned = plan("fast", LastFirst(), GUIDANCE, _windows(6_000, 100))
    assert planned.chosen.tolist() == list(range(5_000, 6_000))
    unread = planned.unread[:5_000]
    assert unread.max() == pytest.approx(UNREAD)
    assert unread.min() > 0
    assert (np.diff(unread) > 0).all()
    assert not planned.unread[5_000:].any()


def test_fast_reads_at_least_so_much() -> None:
    assert int(SHARE * 200 * 100) < LEAST
    planned = plan("fast", LastFirst(), GUIDANCE, _windows(200, 100))
    assert len(planned.chosen) == -(-LEAST // 100)
    assert len(plan("fast", LastFirst(), GUIDANCE, _windows(80, 100)).chosen) == 80


@pytest.mark.parametrize("critic", [DiceCritic(), LastFirst(silent=True)])
def test_without_a_first_look_all_is_read(critic: DiceCritic) -> None:
    assert len(plan("fast", critic, GUIDANCE, _windows(6_000, 100)).chosen) == 6_000
    assert len(plan("thorough", LastFirst(), GUIDANCE, _windows(6_000, 100)).chosen) == 6_000


def test_a_result_says_what_was_read() -> None:
    text = "A line of seven words and points. " * 3_000
    compressor = Compressor(LastFirst())
    fast = compressor.compress(text, query="line", ratio=20, effort="fast")
    assert fast.effort == "fast"
    assert 0 < fast.windows_read < fast.windows
    usual = compressor.compress(text, query="line", ratio=20)
    assert (usual.effort, usual.windows_read) == ("thorough", usual.windows)
    fits = compressor.compress(text, query="line", budget=10**6, effort="fast")
    assert (fits.effort, fits.windows_read) == ("thorough", 0)
    assert fits.text == text


def test_the_command_line_says_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cprs.effort.LEAST", 1_000)
    text = " ".join(f"Box {number} holds lamp {number}." for number in range(4_000, 5_000))
    options = ("-q", "Which box holds lamp 4711?", "--ratio", 200)
    done = run("compress", *options, "--effort", "fast", stdin=text.encode())
    assert done.code == 0
    assert b"Box 4711 holds lamp 4711." in done.out
    said = re.search(r"read +([\d,]+) of ([\d,]+) windows \(fast\)", done.err)
    assert said is not None
    read, windows = (int(number.replace(",", "")) for number in said.groups())
    assert 0 < read < windows / 5
    listed = run("compress", *options, "--critic", "lexical", "--json", stdin=text.encode())
    value = json.loads(listed.out)
    assert (value["effort"], value["windows_read"]) == ("thorough", value["windows"])


@pytest.mark.parametrize("effort", ["quick", "", None, 3])
def test_an_unknown_effort_is_named(effort: str) -> None:
    with pytest.raises(OptionError, match=r"unknown effort .*; known: fast, auto, thorough"):
        Compressor(LastFirst()).compress("Some text.", query="q", ratio=2, effort=effort)


HAY = (
    "river stone walks under the old bridge while nobody counts the letters of a winter evening "
    "and people carry boxes from one room into another because the roof needs paint before spring"
).split()


@pytest.fixture(scope="module")
def embedded() -> Compressor:
    return Compressor()


@pytest.mark.parametrize("depth", [0.03, 0.8])
@pytest.mark.parametrize(
    ("needle", "query"),
    [
        ("The key {uuid} maps to drawer {number}.", "Which drawer belongs to {uuid}?"),
        ("The pass key is {number}. Remember it.", "What is the pass key?"),
        (
            "line copper-{number}: REGISTER_CONTENT is <{number}>",
            "What is in line copper-{number}?",
        ),
        ("ERROR blk_{number} was lost on its way.", "Which lines mention blk_{number}?"),
    ],
)
def test_needles_are_never_lost(
    embedded: Compressor, needle: str, query: str, depth: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cprs.effort.LEAST", 1_000)
    rng = random.Random(1)
    sentences = [" ".join(rng.choices(HAY, k=14)).capitalize() + "." for _ in range(500)]
    facts = {"uuid": str(uuid.UUID(int=rng.getrandbits(128))), "number": rng.randrange(10**6)}
    sentences.insert(int(depth * len(sentences)), needle.format(**facts))
    result = embedded.compress(
        " ".join(sentences), query=query.format(**facts), ratio=60, effort="fast"
    )
    assert result.effort == "fast"
    assert needle.format(**facts) in result.text


STEPS = ("VAR HQX = 48213.", "VAR BZK = HQX", "VAR PLW = BZK.")
DATES = ("It was signed on 14 March 1987.", "The lease ends on 2031-06-30.")


@pytest.mark.parametrize(
    ("wanted", "guidance"),
    [
        (STEPS, Guidance(query="Which variables are assigned the value 48213?")),
        (DATES, Guidance(instruction="Extract every date.")),
    ],
    ids=["chain", "dates"],
)
def test_what_a_rule_settles_is_read(
    embedded: Compressor,
    wanted: tuple[str, ...],
    guidance: Guidance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither words nor vectors lead to the later steps of a chain, or to a date."""
    monkeypatch.setattr("cprs.effort.LEAST", 1_000)
    rng = random.Random(4)
    sentences = [" ".join(rng.choices(HAY, k=14)).capitalize() + "." for _ in range(500)]
    for number, sentence in enumerate(wanted):
        sentences.insert(90 + 160 * number, sentence)
    # As probable by its words as anything: variables, values and dates without end.
    sentences[::7] = ["Variables hold values, and a date is a value that was assigned."] * 72
    result = embedded.compress(
        "\n".join(sentences),
        query=guidance.query,
        instruction=guidance.instruction,
        ratio=60,
        effort="fast",
    )
    assert result.effort == "fast"
    for sentence in wanted:
        assert sentence in result.text
