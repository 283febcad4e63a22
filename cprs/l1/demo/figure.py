"""What the demo's runs came to, in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cprs.l1.demo.report import PREFERENCES, Result, accuracy

Panel = tuple[str, tuple[str, ...], list[list[float]]]
_PHASES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("short", ("short, before phase 1", "short, after phase 1"), ("before", "after\nphase 1")),
    (
        "long",
        (
            "long, before phase 1",
            "long, before phase 2",
            "long, after phase 2",
            "long, after phase 2 without phase 1",
        ),
        ("before", "after\nphase 1", "after\nphase 2", "phase 2\nalone"),
    ),
    (
        "retained hard examples",
        ("retained examples, before phase 2", "retained examples, after phase 2"),
        ("before\nphase 2", "after\nphase 2"),
    ),
)


def draw(results: Sequence[Result], path: Path) -> Path:
    """Bars of mean accuracies, a dot per seed, into an SVG: of the parts that every seed has."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = _panels(results)
    # Without a date and with ids that stay, the same figures are the same file.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cprs", "font.size": 8}):
        widths = [len(names) for _, names, _ in panels]
        figure, axes = pyplot.subplots(
            1, len(panels), figsize=(0.85 * sum(widths), 2.6), width_ratios=widths, squeeze=False
        )
        for axis, panel in zip(axes.flat, panels, strict=True):
            _draw(axis, panel)
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
    return path


def _panels(results: Sequence[Result]) -> list[Panel]:
    """Titles, bars' names and, of each bar, a value per seed."""
    panels: list[Panel] = []
    if all("phases" in one for one in results):
        for title, lines, names in _PHASES:
            bars = [[accuracy(one, line) for one in results] for line in lines]
            panels.append((title, names, bars))
    if all("preference" in one for one in results):
        bars = [[one["preference"][name]["long"] for one in results] for name in PREFERENCES]
        names = tuple(name.replace(" on ", "\non ") for name in PREFERENCES)
        panels.append(("long, preferences on short", names, bars))
    return panels


def _draw(axis: Any, panel: Panel) -> None:
    title, names, bars = panel
    means = [sum(values) / len(values) for values in bars]
    axis.bar(range(len(bars)), means, color="#c9d7e8", width=0.7)
    for place, values in enumerate(bars):
        axis.plot([place] * len(values), values, "o", color="#27496d", markersize=3)
    axis.set_xticks(range(len(names)), names)
    axis.set_ylim(0, 1)
    axis.set_title(title)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
