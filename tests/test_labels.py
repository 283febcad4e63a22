"""What units are called, and which words of a passage are meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs import Compressor, Encoded, Units, Window
from cprs.critics.base import State, TokenScores
from cprs.guidance import Guidance
from cprs.labels import OUTSIDE_BY_FAR, unit_labels
from cprs.select import unit_scores

OTHER, NUMBER, NAME, HEDGE = range(4)
TEXT = "Ann met Bob at noon. The 12 boxes cost 40. It rained a lot. Maybe it will rain again."


@dataclass(frozen=True, slots=True)
class KindsScorer:
    """Numbers and names are evidence; so is a hedge, which is outside all labels."""

    labels: int
    tagging: bool
    warnings: tuple[str, ...] = ()

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        return [self._score(window) for window in windows]

    def _score(self, window: Window) -> TokenScores:
        found = window.token_ids != OTHER
        keep = np.zeros(len(window), np.float32)
        for a, b in window.units:
            keep[a:b] = 0.9 if found[a:b].any() else 0.1
        tags = np.where(found[:, None], [0.4, 0.3, 0.1, 0.2], [0.02, 0.02, 0.95, 0.01])
        called = np.full((len(window), self.labels), 0.02)
        for label, kind in enumerate((NUMBER, NAME)[: self.labels]):
            called[window.token_ids == kind, label] = 0.8
        return TokenScores(
            keep=keep,
            tags=tags.astype(np.float32) if self.tagging else None,
            labels=called.astype(np.float32) if self.labels else None,
        )


@dataclass(frozen=True, slots=True)
class KindsCritic:
    """A critic without a model: it tells numbers, names and "maybe" from all other words."""

    tagging: bool = True
    name: str = "kinds"
    window: int = 64
    threshold: float = 0.5

    def encode(self, text: str) -> Encoded:
        found = list(regex.finditer(r"\w+|[^\w\s]", text))
        kinds = [
            NUMBER
            if m[0].isdigit()
            else HEDGE
            if m[0] == "Maybe"
            else NAME
            if m[0] in ("Ann", "Bob")
            else OTHER
            for m in found
        ]
        offsets = np.array([m.span() for m in found], np.int64).reshape(-1, 2)
        return Encoded(np.array(kinds, np.int32), offsets)

    def read(self, windows: Sequence[Window]) -> list[State]:
        return [() for _ in windows]

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> KindsScorer:
        return KindsScorer(len(guidance.labels), self.tagging)


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
