"""The dashboard asks for what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cprs_server.observe.metrics import Metrics

DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana.json"


def test_every_metric_and_label_exists() -> None:
    metrics = Metrics()
    metrics.pool(waiting=lambda: 0, running=lambda: 0, fill=lambda: 0)
    names: set[str] = set()
    labels: set[str] = {"instance", "le"}
    for family in metrics.registry.collect():
        counter = family.type == "counter"
        names |= {family.name + "_total"} if counter else {family.name}
        names |= {f"{family.name}_{end}" for end in ("bucket", "sum", "count")}
    for collector in list(metrics.registry._collector_to_names):
        labels |= set(getattr(collector, "_labelnames", ()))
    board = json.loads(DASHBOARD.read_text())
    asked: set[str] = set()
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            asked |= set(re.findall(r"\bcprs_\w+", target["expr"]))
            by = re.findall(r"by \(([^)]*)\)", target["expr"])
            by += re.findall(r"(\w+)=~", target["expr"])
            for group in by:
                assert {name.strip() for name in group.split(",")} <= labels, target
    assert asked <= names
    shown = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in asked}
    there = {re.sub(r"_total$", "", f.name) for f in metrics.registry.collect()}
    assert shown == there, "a metric that no panel shows"


def test_panels_do_not_overlap() -> None:
    board = json.loads(DASHBOARD.read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
