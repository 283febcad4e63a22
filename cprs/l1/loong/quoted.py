"""Figures of Loong's README, quoted: average rating and share of perfect answers, by GPT-4 Turbo
(2024-04-09) as judge. None of them was measured here."""

from __future__ import annotations

from collections.abc import Mapping

Pair = tuple[float, float]

BY_LEVEL: Mapping[str, tuple[Pair, ...]] = {
    "Gemini-1.5-pro": ((75.02, 0.56), (49.94, 0.27), (44.10, 0.09), (64.97, 0.37), (55.37, 0.27)),
    "GPT-4o": ((73.95, 0.62), (50.50, 0.28), (44.29, 0.09), (57.95, 0.28), (53.47, 0.26)),
    "Claude-3.5-Sonnet": (
        (58.45, 0.49), (54.21, 0.35), (45.77, 0.07), (43.92, 0.25), (48.85, 0.23),
    ),
    "Claude-3-Haiku": ((68.68, 0.59), (42.10, 0.21), (35.04, 0.02), (47.59, 0.17), (44.88, 0.19)),
    "Qwen2-72B-Instruct": (
        (54.17, 0.36), (42.38, 0.20), (36.71, 0.04), (47.76, 0.18), (43.29, 0.15),
    ),
    "GPT-4o-mini": ((53.12, 0.41), (44.27, 0.20), (32.58, 0.04), (52.34, 0.23), (42.95, 0.18)),
    "GLM4-9B-Chat-1M": (
        (57.35, 0.47), (40.38, 0.20), (28.52, 0.02), (39.94, 0.16), (38.31, 0.16),
    ),
    "Kimi-Chat": ((60.98, 0.50), (34.74, 0.13), (28.76, 0.04), (38.52, 0.15), (37.49, 0.16)),
    "Llama-3.1-8B-Instruct": (
        (59.96, 0.46), (35.73, 0.18), (27.83, 0.01), (35.59, 0.14), (36.31, 0.14),
    ),
    "Phi-3-small": ((29.23, 0.10), (20.12, 0.06), (17.53, 0.00), (14.36, 0.01), (19.03, 0.03)),
    "Phi-3-mini": ((25.65, 0.15), (13.34, 0.04), (12.00, 0.00), (12.61, 0.01), (14.54, 0.04)),
}  # fmt: skip
"""By model: a pair for each of the four tasks, and overall."""

BY_SET: Mapping[str, tuple[float, ...]] = {
    "Gemini-1.5-pro": (63.36, 55.56, 52.05, 50.70),
    "GPT-4o": (70.40, 58.38, 46.95, 31.11),
    "Claude-3.5-Sonnet": (63.69, 52.73, 42.06, 30.51),
    "Claude-3-Haiku": (57.14, 45.45, 41.41, 32.15),
    "Qwen2-72B-Instruct": (60.11, 45.71, 35.94, 28.92),
    "GPT-4o-mini": (62.42, 47.74, 35.63, 20.41),
    "GLM4-9B-Chat-1M": (51.43, 40.19, 37.36, 16.84),
    "Kimi-Chat": (55.02, 42.40, 31.37, 13.50),
    "Llama-3.1-8B-Instruct": (48.10, 41.98, 28.41, 22.51),
    "Phi-3-small": (21.44, 21.40, 16.94, 14.27),
    "Phi-3-mini": (24.58, 20.84, 5.79, 3.38),
}
"""By model: the average rating of each of the four sets, all tasks together."""
