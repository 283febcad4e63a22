"""Reliability: the sums by hand, and the plot."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from command import run
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.lexical import LexicalCritic
from cprs.report.reliability import Curve, Point, reliability_svg
from cprs.train.measure.reliability import EDGES, marked, measure_calibration

_SVG = "{http://www.w3.org/2000/svg}"


class _Lenient(LexicalCritic):
    threshold = 0.15


def _sets(folder: Path) -> Path:
    for name, language in (("boxes", "en"), ("kisten", "de")):
        rows = []
        for number in range(12):
            text = f"The colour of box{number} is red. Nothing here. More of nothing. It rained."
            asked = {"q": f"What colour is box{number}?", "ev": [[0, text.index(" Nothing")]]}
            rows.append({"id": number, "lang": language, "text": text, "qas": [asked]})
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def test_half_covered_passages_are_neither() -> None:
    amount, unsure = marked(np.array([0, 10, 20, 30]), [(4, 10), (18, 24)])
    assert amount.tolist() == [6, 2, 4]
    assert unsure.tolist() == [False, True, True]


def test_sums_add_up(tmp_path: Path) -> None:
    report = measure_calibration(_sets(tmp_path), critics=[_Lenient()], queries=5, size=2_000)
    assert [row.source for row in report.sets] == ["boxes", "kisten"]
    assert [row.source for row in report.overall] == ["all, English", "all, other languages"]
    for row in (*report.sets, *report.overall):
        assert row.queries == 5
        assert sum(part.passages for part in row.bins) == row.passages
        mean = sum(part.passages * part.probability for part in row.bins) / row.passages
        assert mean == pytest.approx(row.probability)
        gap = sum(part.passages * abs(part.probability - part.evidence) for part in row.bins)
        assert gap / row.passages == pytest.approx(row.calibration_error)
        assert 0 < row.brier < 1
        assert row.evidence == pytest.approx(5 / row.passages)
        assert row.found == 1.0
        assert 0 < row.kept < 0.2
        assert all(part.low <= part.probability <= part.high for part in row.bins)
        assert {part.low for part in row.bins} <= set(EDGES)
    assert json.loads(report.json())["sets"][0]["passages"] == report.sets[0].passages
    assert "all, English" in report.text()


def test_command_writes_table_json_and_plot(tmp_path: Path) -> None:
    sets = _sets(tmp_path)
    command = ("eval", "calibration", "--data", sets, "--critic", "lexical", "--queries", 3)
    plot = tmp_path / "plot.svg"
    done = run(*command, "--svg", plot)
    assert done.code == 0, done.err
    assert done.out.decode().splitlines()[0].split()[:3] == ["set", "queries", "critic"]
    root = ElementTree.fromstring(plot.read_bytes())
    assert root.tag == f"{_SVG}svg"
    assert root.findall(f".//{_SVG}circle")
    found = json.loads(run(*command, "--json").out)
    assert {row["critic"] for row in found["overall"]} == {"lexical-1"}


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--svg", "no-such-folder/plot.svg"), 1, "no folder"),
        (("--source", "none"), 2, "unknown set 'none'; known: boxes, kisten"),
        (("--queries", "0"), 2, "queries"),
        (("--critic", "none"), 2, "unknown critic"),
    ],
)
def test_misuse_is_one_line(tmp_path: Path, options: tuple[str, ...], code: int, says: str) -> None:
    sets = _sets(tmp_path)
    done = run("eval", "calibration", "--data", sets, "--critic", "lexical", *options)
    assert done.code == code
    assert says in done.error


_share = st.floats(0, 1)
_points = st.builds(Point, _share, _share, st.integers(0, 10**9))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.builds(Curve, st.text(), st.lists(_points).map(tuple)), max_size=8), st.text())
def test_any_plot_is_xml_within_its_frame(curves: list[Curve], title: str) -> None:
    root = ElementTree.fromstring(reliability_svg(curves, title=title))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    circles = root.findall(f".//{_SVG}circle")
    assert len(circles) == sum(len(curve.points) for curve in curves)
    for mark in (*circles, *root.findall(f".//{_SVG}line")):
        for name in ("cx", "x1", "x2"):
            assert 0 <= float(mark.get(name, 0)) <= width
        for name in ("cy", "y1", "y2"):
            assert 0 <= float(mark.get(name, 0)) <= height


def test_a_share_of_nothing_is_hollow_on_the_floor() -> None:
    curve = Curve("c", (Point(0.001, 0.0, 50), Point(0.1, 0.1, 50)))
    low, high = ElementTree.fromstring(reliability_svg([curve], title="t")).findall(
        f".//{_SVG}circle"
    )
    assert low.get("class") == "zero"
    assert high.get("class") is None
    assert float(low.get("cy", 0)) > float(high.get("cy", 0))
