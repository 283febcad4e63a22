"""Figures of the paper, quoted: arXiv 2505.17667, table 4. None of them was measured here.

Each is max(rule, judge) in percent, over 200 questions a set (Frames: 824), one sample each at
temperature 0.7: half an interval of 95 % is some 5 to 7 points a set.
"""

from __future__ import annotations

from collections.abc import Mapping

SETS = ("docmath", "frames", "2wikimultihopqa", "hotpotqa", "musique", "narrativeqa", "qasper")
"""The seven sets, in the paper's order, as examples' `source` names them."""

TITLES: Mapping[str, str] = dict(
    zip(
        SETS,
        ("DocMath", "Frames", "2Wiki", "HotpotQA", "MuSiQue", "NarrativeQA", "Qasper"),
        strict=True,
    )
)

QUOTED: Mapping[str, tuple[float, ...]] = {
    "o1-preview": (64.5, 80.8, 87.5, 83.5, 69.0, 68.0, 57.0),
    "Claude-3.7-Sonnet-Thinking": (67.5, 70.9, 86.5, 84.4, 68.3, 61.5, 56.0),
    "o3-mini": (66.5, 75.5, 86.5, 83.5, 66.5, 59.0, 55.0),
    "Qwen3-Plus": (66.0, 73.6, 90.5, 82.4, 69.8, 57.5, 52.5),
    "QwQ-Plus": (64.5, 73.5, 89.0, 81.0, 66.5, 62.0, 53.5),
    "Gemini-2.0-Flash-Thinking": (63.0, 69.8, 82.9, 79.5, 62.5, 57.0, 45.5),
    "DeepSeek-R1": (66.0, 79.6, 89.9, 82.5, 74.5, 59.5, 53.0),
    "Qwen3-235B-A22B": (67.5, 74.6, 91.5, 84.4, 63.3, 60.0, 53.0),
    "QwQ-32B": (59.5, 72.9, 90.5, 78.5, 66.0, 58.0, 57.5),
    "Qwen3-32B": (58.0, 70.0, 87.0, 83.4, 62.8, 57.5, 56.0),
    "R1-Distill-Qwen-14B": (61.0, 64.2, 87.0, 77.5, 58.0, 51.0, 51.0),
    "14B-SFT": (60.0, 65.7, 88.5, 80.5, 60.0, 52.0, 48.5),
    "L1-14B-GRPO": (65.0, 68.7, 88.5, 86.5, 63.5, 53.5, 51.5),
    "L1-14B-DAPO": (65.5, 67.4, 89.0, 84.0, 63.0, 57.0, 52.5),
    "R1-Distill-Qwen-32B": (62.5, 67.0, 84.0, 80.5, 61.0, 54.0, 50.0),
    "32B-SFT": (65.0, 71.6, 87.0, 80.5, 65.5, 57.5, 54.0),
    "L1-32B-GRPO": (68.0, 72.2, 87.0, 82.0, 66.0, 61.0, 56.0),
    "L1-32B-DAPO": (67.5, 70.1, 90.5, 83.0, 69.0, 56.0, 58.5),
}
"""By model, one figure for each of `SETS`; their plain mean is the paper's "Avg"."""


def average(figures: tuple[float, ...]) -> float:
    """The paper's "Avg"."""
    return sum(figures) / len(figures)
