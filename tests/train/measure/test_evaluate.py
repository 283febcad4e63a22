"""Measuring: the protocol's numbers by hand, the table, and what a bad call says."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cprs.critics.base import State, TokenScores
from cprs.critics.lexical import LexicalCritic
from cprs.errors import OptionError
from cprs.guidance import Guidance
from cprs.train.measure.evaluate import evaluate, kept_passages
from cprs.train.measure.report import Cell, Report
from cprs.windows import Encoded, Window


def _set(folder: Path, name: str, *, language: str = "en", alone: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(40):
        facts = [f"The colour of box{number}{letter} is shade{number}." for letter in "abc"]
        text = " ".join(["Nothing to see here.", facts[0], "More of nothing.", *facts[1:]])
        ask = f"What is the colour of box{number}b?"
        start = text.index(facts[1])
        rows.append(
            {
                "id": number,
                "lang": language,
                "text": text,
                "context": "alone" if alone else "joined",
                "qas": [{"q": ask, "ev": [[start, start + len(facts[1])]], "lvl": "sentence"}],
            }
        )
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(lines))


class _Blind:
    """Finds nothing: the protocol then keeps the beginning of the text."""

    name, window, threshold = "blind", 64, 0.5
    warnings: tuple[str, ...] = ()

    def encode(self, text: str) -> Encoded:
        return LexicalCritic().encode(text)

    def read(self, windows: Sequence[Window]) -> list[State]:
        return [() for _ in windows]

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> _Blind:
        return self

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        return [TokenScores(np.zeros(len(window), np.float32)) for window in windows]


def test_kept_passages_fill_the_budget() -> None:
    lengths = np.array([50, 30, 30, 10])
    scores = np.array([0.9, 0.5, 0.5, 0.1], np.float32)
    assert kept_passages(scores, lengths, 90).tolist() == [0, 1, 3]
    assert kept_passages(scores, lengths, 49).tolist() == [1, 3]
    assert kept_passages(scores, lengths, 5).tolist() == []


def test_lexical_finds_and_blind_does_not(tmp_path: Path) -> None:
    _set(tmp_path, "boxes")
    seen: list[tuple[str, str]] = []
    report = evaluate(
        tmp_path,
        critics=[LexicalCritic(), _Blind()],
        ratios=(2, 8),
        queries=6,
        size=3_000,
        progress=lambda source, critic: seen.append((source, critic)),
    )
    lexical, blind = report.cells
    assert (lexical.recall, lexical.hit) == ((1.0, 1.0), (1.0, 1.0))
    assert blind.recall[1] < 0.6
    assert (lexical.queries, lexical.context) == (6, "joined")
    assert {critic for _, critic in seen} == {"lexical-1", "blind"}


def test_documents_alone_lie_in_the_haystack(tmp_path: Path) -> None:
    _set(tmp_path / "dev", "boxes", alone=True)
    hay = tmp_path / "haystack"
    hay.mkdir()
    words = "Some hay lies here in the sun. " * 300
    (hay / "eval_tenk_en.txt.gz").write_bytes(gzip.compress(words.encode()))
    options: dict[str, Any] = {
        "critics": [LexicalCritic()],
        "ratios": (8.0,),
        "queries": 3,
        "size": 4_000,
    }
    report = evaluate(tmp_path / "dev", **options)
    assert report.cells[0].context == "alone"
    assert report.cells[0].recall == (1.0,)
    (hay / "eval_tenk_en.txt.gz").unlink()
    with pytest.raises(OptionError, match="haystack"):
        evaluate(tmp_path / "dev", **options)


def test_two_hops_run(tmp_path: Path) -> None:
    _set(tmp_path, "boxes")
    report = evaluate(
        tmp_path, critics=[LexicalCritic()], ratios=(8,), queries=2, size=2_000, hops=2
    )
    assert report.cells[0].recall == (1.0,)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"queries": 0}, "queries"),
        ({"ratios": (0.5,)}, "ratios"),
        ({"ratios": ()}, "ratios"),
        ({"sources": ("none",)}, "unknown set 'none'; known: boxes"),
    ],
)
def test_bad_options_are_named(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    _set(tmp_path, "boxes")
    with pytest.raises(OptionError, match=says):
        evaluate(tmp_path, critics=[LexicalCritic()], **options)


def test_report_averages_english_apart() -> None:
    cells = tuple(
        Cell(source, language, "joined", "c", 5, (recall,), (1.0,))
        for source, language, recall in (
            ("a", "en", 0.5),
            ("b", "python", 0.7),
            ("d", "zh-Hant", 0.1),
        )
    )
    report = Report((32.0,), cells)
    english, other = report.macro()
    assert english.sources == 2
    assert english.recall == pytest.approx((0.6,))
    assert (other.sources, other.recall) == (1, (0.1,))
    assert "0.600 [1.00]" in report.text()
    assert "lexical: lexical-1" in Report((), (_cell("lexical-1"), _cell("b-2"))).text()
    assert "a-1" in Report((), (_cell("a-1"), _cell("a-2"))).text().split("\n")[1]
    assert json.loads(report.json())["sets"][2]["recall"] == [0.1]


def _cell(critic: str) -> Cell:
    return Cell("a", "en", "joined", critic, 1, (), ())
