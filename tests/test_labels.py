"""What units are called, and which words of a passage are meant."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import KindsCritic

from cprs import Compressor, Encoded, Units
from cprs.labels import OUTSIDE_BY_FAR, unit_labels
from cprs.select import unit_scores

TEXT = "Ann met Bob at noon. The 12 boxes cost 40. It rained a lot. Maybe it will rain again."

INSTRUCTION = "Tag the numbers with 'number' and the names with 'person'."


def test_spans_carry_their_labels() -> None:
    result = Compressor(KindsCritic()).compress(TEXT, instruction=INSTRUCTION)
    said = [(TEXT[span.start : span.end].strip(), span.label) for span in result.spans]
    assert said == [("Ann met Bob at noon.", "person"), ("The 12 boxes cost 40.", "number")]
    assert result.warnings == ()


def test_what_is_outside_is_kept_by_a_budget_only_and_without_a_label() -> None:
    result = Compressor(KindsCritic()).compress(TEXT, instruction=INSTRUCTION, budget=18)
    labels = {TEXT[span.start : span.end].strip(): span.label for span in result.spans}
    assert labels["Ann met Bob at noon."] == "person"
    assert labels["Maybe it will rain again."] is None


def test_words_are_chosen_by_their_own_evidence() -> None:
    critic = KindsCritic()
    result = Compressor(critic).compress(TEXT, instruction=INSTRUCTION, granularity="word")
    said = [(TEXT[span.start : span.end].strip(), span.label) for span in result.spans]
    assert said == [("Ann", "person"), ("Bob", "person"), ("12", "number"), ("40", "number")]
    assert Compressor(KindsCritic(tagging=False)).compress(
        TEXT, query="numbers", granularity="word"
    ).text == TEXT.replace("It rained a lot. ", "")


def test_one_label_is_every_spans() -> None:
    result = Compressor(KindsCritic()).compress(
        TEXT, instruction="Tag the numbers with 'number'.", granularity="word"
    )
    assert {span.label for span in result.spans} == {"number"}
    assert "Maybe" in result.text


def test_a_text_that_fits_is_not_read() -> None:
    result = Compressor(KindsCritic()).compress(TEXT, instruction=INSTRUCTION, budget=999)
    assert result.text == TEXT
    assert {span.label for span in result.spans} == {None}
    assert any("was not read" in warning for warning in result.warnings)


def test_whole_passages_score_what_they_scored_without_tags() -> None:
    critic, bounds = KindsCritic(), np.array([0, 21, 43, 60, len(TEXT)])
    encoded = critic.encode(TEXT)
    keep = np.linspace(0, 1, len(encoded), dtype=np.float32)
    tags = np.tile(np.array([0.1, 0.1, 0.7, 0.1], np.float32), (len(encoded), 1))
    for units in (bounds, bounds[[0, 2, 4]]):
        sentences = Units.uniform(units, "sentence")
        plain = unit_scores(sentences, encoded, keep)
        assert (plain == unit_scores(sentences, encoded, keep, tags=tags, passages=bounds)).all()
    halves = Units.uniform(np.array([0, 10, 21, 43, 60, len(TEXT)]), "part")
    scores = unit_scores(halves, encoded, keep, tags=tags, passages=bounds)
    full = unit_scores(halves, encoded, keep)
    assert np.allclose(scores[:2], 0.3 * full[:2])
    assert (scores[2:] == full[2:]).all()


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 4), min_size=1, max_size=6),
    names=st.integers(1, 3),
    tagging=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_labels_are_weighted_sums(sizes: list[int], names: int, tagging: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bounds = np.cumsum([0, *(max(size, 1) for size in sizes)])
    units = Units.uniform(bounds, "unit")
    starts = np.concatenate(
        [np.zeros(0, np.int64), *(bounds[i] + np.arange(n) for i, n in enumerate(sizes))]
    ).astype(np.int64)
    encoded = Encoded(np.zeros(len(starts), np.int32), np.stack([starts, starts + 1], 1))
    labels = rng.dirichlet(np.full(names + 1, 0.3), len(starts))[:, 1:].astype(np.float32)
    tags = rng.dirichlet(np.ones(4), len(starts)).astype(np.float32) if tagging else None
    found = unit_labels(units, encoded, labels.reshape(-1, names), tags)
    at = 0
    for number, size in enumerate(sizes):
        mine = slice(at, at + size)
        at += size
        weight = np.ones(size) if tags is None else 1 - tags[mine, 2]
        share = (weight[:, None] * labels[mine]).sum(0) / max(weight.sum(), 1e-9)
        far = bool(size) and 1 - share.sum() >= OUTSIDE_BY_FAR
        if abs(1 - share.sum() - OUTSIDE_BY_FAR) > 1e-3:
            assert found.outside[number] == far
            assert (found.best[number] == -1) == (far or not size)
            if found.best[number] >= 0:
                assert share[found.best[number]] >= share.max() - 1e-3
