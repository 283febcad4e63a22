"""The prior: what it finds, that grouping does not matter, and what a broken file says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.embedded import EmbeddedCritic
from cprs.critics.embedded_base import Base
from cprs.critics.features import NAMES, Question
from cprs.critics.packing import pack, unpack
from cprs.critics.pooling import FEATURES
from cprs.critics.prior import SHIPPED, Prior
from cprs.critics.product import product
from cprs.critics.survey import PASSAGE_FEATURES, QUESTION_FEATURES
from cprs.critics.words import Pieces
from cprs.errors import WeightsError
from cprs.formats import segment
from cprs.guidance import Guidance
from cprs.select import unit_scores
from cprs.units import Units
from cprs.windows import Window, cut_windows

STORY = (
    "The committee met on Tuesday in the old library. Rain had fallen all night. "
    "Maria Alvarez took the chair and opened the session. Somebody had brought cake. "
    "The budget of the swimming pool was discussed at length. It came to 41,300 euros. "
    "Key 7f3a-99c1 maps to drawer 12. Key 7f3a-99d1 maps to drawer 48. "
    "The deer in the forest were counted in spring. Nobody was absent. "
    "Afterwards everyone walked to the harbour and watched the boats. "
) + "A further remark about nothing in particular was made by a guest. " * 40


@pytest.fixture(scope="module")
def critic() -> EmbeddedCritic:
    return EmbeddedCritic.load()


def _best(critic: EmbeddedCritic, query: str, count: int = 2) -> str:
    passages = segment(STORY, format="text", granularity="sentence").passages
    encoded = critic.encode(STORY)
    windows = cut_windows(encoded, passages, size=critic.window)
    scores = critic.ask(Guidance(query=query), windows)(windows, critic.read(windows))
    keep = np.concatenate([score.keep for score in scores])
    by_passage = unit_scores(Units.uniform(passages, "passage"), encoded, keep)
    best = np.sort(np.argsort(-by_passage, kind="stable")[:count])
    return "".join(STORY[passages[i] : passages[i + 1]] for i in best)


@pytest.mark.parametrize(
    ("query", "fact"),
    [
        ("Who chaired the meeting?", "Maria Alvarez"),
        ("How much did the pool cost?", "41,300"),
        ("Which drawer belongs to key 7f3a-99d1?", "drawer 48"),
        ("How many animals live in the woods?", "deer"),
    ],
)
def test_finds_words_meanings_and_keys(critic: EmbeddedCritic, query: str, fact: str) -> None:
    assert fact in _best(critic, query)


def test_scores_do_not_depend_on_grouping(critic: EmbeddedCritic) -> None:
    encoded = critic.encode(STORY)
    passages = segment(STORY, format="text", granularity="sentence").passages
    windows = cut_windows(encoded, passages, size=60)
    scorer = critic.ask(Guidance(query="Who chaired the meeting?"), windows)
    states = critic.read(windows)
    together = scorer(windows, states)
    for window, state, score in reversed(list(zip(windows, states, together, strict=True))):
        copy = Window(*(getattr(window, name) for name in window.__slots__))
        (alone,) = scorer([copy], [state])
        assert alone.keep.tobytes() == score.keep.tobytes()
        assert ((alone.keep > 0) & (alone.keep < 1)).all()


@pytest.mark.parametrize("query", ["?", "\u200b", "的", "word " * 600])
def test_any_query_gets_scores(critic: EmbeddedCritic, query: str) -> None:
    windows = cut_windows(critic.encode("One. Two."), np.array([0, 5, 9]), size=9)
    scorer = critic.ask(Guidance(query=query), windows)
    (score,) = scorer(windows, critic.read(windows))
    assert np.isfinite(score.keep).all()
    assert bool(scorer.warnings) == (len(query) > 1000)


def test_no_text_no_scores(critic: EmbeddedCritic) -> None:
    scorer = critic.ask(Guidance(query="What?"), [])
    assert scorer([], []) == []


def test_saved_and_loaded_alike(tmp_path: Path) -> None:
    prior = Prior.load()
    prior.save(tmp_path / "prior.json")
    again = Prior.load(tmp_path / "prior.json")
    assert len(again.digest) == 8
    features = np.random.default_rng(0).normal(size=(5, len(NAMES))).astype(np.float32)
    assert np.allclose(prior.probability(features), again.probability(features), rtol=1e-4)
    assert 0 < prior.threshold < 1


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda fields: fields | {"format": 99}, "another version"),
        (lambda fields: fields | {"features": ["x"]}, "another version"),
        (lambda fields: fields | {"linear": fields["linear"][1:]}, "not a fitted prior"),
        (lambda fields: fields | {"surplus": 1}, "not a fitted prior"),
        (lambda fields: {"format": 1}, "not a fitted prior"),
    ],
)
def test_a_spoilt_file_is_named(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], dict[str, Any]], says: str
) -> None:
    path = tmp_path / "prior.json"
    path.write_text(json.dumps(spoil(json.loads(SHIPPED.read_text()))), encoding="utf-8")
    with pytest.raises(WeightsError, match=says):
        Prior.load(path)


def test_a_truncated_or_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "prior.json"
    path.write_bytes(SHIPPED.read_bytes()[:500])
    with pytest.raises(WeightsError, match=r"prior\.json: not a fitted prior"):
        Prior.load(path)
    with pytest.raises(WeightsError, match=r"none\.json: cannot be read"):
        Prior.load(tmp_path / "none.json")


def test_features_are_named() -> None:
    assert len(set(NAMES)) == len(PASSAGE_FEATURES) + len(FEATURES) + len(QUESTION_FEATURES)
    rng = np.random.default_rng(0)
    pieces = Pieces(["a", "b", "c", "."])
    ids = np.array([0, 3, 1, 2, 3], np.int32)
    offsets = np.stack([np.arange(5), np.arange(1, 6)], axis=1)
    window = Window(0, 5, ids, offsets, np.array([[0, 2], [2, 5]]))
    states = rng.normal(size=(5, 8)).astype(np.float32)
    question = Question(pieces, ids[:1], states[:1], [window], centre=np.zeros(8, np.float32))
    features = question.features(window, states)
    assert features.shape == (2, len(NAMES))
    value = dict(zip(NAMES, features[0].tolist(), strict=True))
    # The first passage holds the question's only token, with the very same state.
    assert value["match"] == pytest.approx(1, abs=1e-5)
    assert value["coverage"] == pytest.approx(1)
    late = states[:2].mean(axis=0)
    cosine = late @ states[0] / np.linalg.norm(late) / np.linalg.norm(states[0])
    assert value["cosine"] == pytest.approx(float(cosine), abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 70), st.integers(1, 500), st.integers(0, 40), st.integers(0, 9))
def test_product_is_the_product(rows: int, inner: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.normal(size=(rows, inner)).astype(np.float32)
    right = rng.normal(size=(inner, columns)).astype(np.float32)
    assert np.allclose(product(left, right), left @ right, atol=1e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 20), st.integers(0, 9))
def test_packing_stays_within_half_a_step(tokens: int, seed: int) -> None:
    states = np.random.default_rng(seed).normal(size=(tokens, 12)).astype(np.float32)
    packed = pack(states)
    assert sum(array.nbytes for array in packed) == tokens * (12 + 4)
    assert (np.abs(unpack(packed) - states) <= packed[1][:, None] * 0.501).all()


@pytest.mark.parametrize(
    ("field", "value"), [("threshold", [0.1, 0.2]), ("centre", 3), ("out", [1.0]), ("slope", [1])]
)
def test_a_prior_of_the_wrong_shape_is_refused(tmp_path: Path, field: str, value: object) -> None:
    fields = json.loads(SHIPPED.read_text("utf-8")) | {field: value}
    path = tmp_path / "prior.json"
    path.write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(WeightsError, match="not a fitted prior"):
        Prior.load(path)


def test_a_prior_of_another_base_is_refused() -> None:
    narrow = replace(Prior.load(), centre=np.zeros(12))
    with pytest.raises(WeightsError, match="12 wide"):
        EmbeddedCritic(Base.load(), narrow)


def test_the_untrained_mixture_is_linear_in_three_features() -> None:
    prior = Prior.load()
    plain = prior.untrained()
    features = np.random.default_rng(0).normal(prior.mean, prior.scale, (50, len(NAMES)))
    x = np.clip((features - prior.mean) / prior.scale, -5, 5)
    column = {name: x[:, number] for number, name in enumerate(NAMES)}
    expected = column["cosine"] + 0.5 * column["match"] + 0.6 * column["bm25"]
    assert np.allclose(plain.rank(features.astype(np.float32)), expected, atol=1e-4)
    assert plain.digest != prior.digest
