"""The lexical critic: BM25 by its formula, whatever the grouping of windows."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.lexical import LexicalCritic
from cprs.guidance import Guidance
from cprs.select import unit_scores
from cprs.units import Units
from cprs.windows import cut_windows

CRITIC = LexicalCritic()


def _scores(passages: list[str], query: str, *, size: int = 512) -> list[float]:
    text = "".join(passages)
    bounds = np.cumsum([0, *map(len, passages)])
    encoded = CRITIC.encode(text)
    windows = cut_windows(encoded, bounds, size=size)
    scorer = CRITIC.ask(Guidance(query=query), windows)
    scores = scorer(windows, CRITIC.read(windows))
    keep = np.concatenate([np.zeros(0, np.float32), *(score.keep for score in scores)])
    assert len(keep) == len(encoded)
    scored: list[float] = unit_scores(Units.uniform(bounds, "passage"), encoded, keep).tolist()
    return scored


def test_is_bm25() -> None:
    passages = ["red fox runs. ", "red hen, red hen. ", "blue sky. "]
    rarity = {
        "red": math.log(1 + (3 - 2 + 0.5) / (2 + 0.5)),
        "sky": math.log(1 + (3 - 1 + 0.5) / (1 + 0.5)),
    }
    lengths, mean = [3, 4, 2], 3.0
    counts = {"red": [1, 2, 0], "sky": [0, 0, 1]}
    for passage, score in enumerate(_scores(passages, "Red SKY?")):
        damping = 1.2 * (1 - 0.75 + 0.75 * lengths[passage] / mean)
        parts = [r * counts[w][passage] / (counts[w][passage] + damping) for w, r in rarity.items()]
        assert abs(score - sum(parts) / sum(rarity.values())) < 1e-4


def test_exact_keys_and_chinese() -> None:
    keys = [f'"{number:08x}-aaaa": "{number}", ' for number in range(0xA0000, 0xA0040)]
    scores = _scores(keys, "value of 000a0017-aaaa")
    assert int(np.argmax(scores)) == 0x17
    scores = _scores(["今天天气很好。", "张三主持了会议。", "午饭很晚。"], "谁主持会议")
    assert int(np.argmax(scores)) == 1


def test_nothing_to_find_scores_nothing() -> None:
    assert _scores(["a b. ", "c d. "], "zebra") == [0, 0]
    assert _scores(["a b. ", "c d. "], "?!") == [0, 0]
    assert _scores([], "a") == []


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_tokens_cover_what_is_visible(text: str) -> None:
    encoded = CRITIC.encode(text)
    starts, ends = encoded.offsets.T if len(encoded) else (np.zeros(0), np.zeros(0))
    assert (starts[1:] >= ends[:-1]).all()
    covered = np.zeros(len(text), bool)
    for start, end in encoded.offsets.tolist():
        covered[start:end] = True
    assert all(char.isspace() for char, seen in zip(text, covered, strict=True) if not seen)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["red", "fox", "ran", "far", ",", "blue", "sky"]), max_size=60))
def test_scores_do_not_depend_on_grouping(words: list[str]) -> None:
    text = " ".join(words)
    encoded = CRITIC.encode(text)
    windows = cut_windows(encoded, np.arange(0, len(text) + 1, 9), size=4)
    scorer = CRITIC.ask(Guidance(query="red sky"), windows)
    together = scorer(windows, CRITIC.read(windows))
    for window, score in zip(windows, together, strict=True):
        (single,) = scorer([window], CRITIC.read([window]))
        assert single.keep.tobytes() == score.keep.tobytes()
        assert ((score.keep >= 0) & (score.keep <= 1)).all()
