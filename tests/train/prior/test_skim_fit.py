"""Fitting the first look: what decides is found, and one command does all of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cprs.critics.skim import FEATURES, Skim
from cprs.train.prior.skim import Example, evidence_read, fit, held_out, main
from cprs.train.prior.static import static_vectors

SIGNAL = FEATURES.index("window_meaning")


def _examples(count: int, *, seed: int = 0) -> list[Example]:
    """The windows with evidence are the highest by one feature; the others are noise."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        features = rng.normal(size=(120, len(FEATURES))).astype(np.float32)
        evidence = np.zeros(120, np.int64)
        held = rng.choice(120, 2, replace=False)
        evidence[held] = 50
        features[held, SIGNAL] += 5
        unsure = np.zeros(120, np.bool_)
        found.append(Example(f"set{number % 3}", features, evidence, unsure, 100))
    return found


def test_what_decides_is_found() -> None:
    ranking = fit(_examples(90))
    shares = [evidence_read(ranking, example, 1 / 6) for example in _examples(30, seed=1)]
    assert np.mean(shares) > 0.9
    assert evidence_read(ranking, _examples(1)[0], 1) == 1


def test_held_out_sets_are_all_told() -> None:
    shares = held_out(_examples(30), parts=3)
    assert sorted(shares) == ["all", "set0", "set1", "set2"]
    assert held_out(_examples(3), parts=0) == {}


def test_static_vectors_keep_who_is_like_whom() -> None:
    rng = np.random.default_rng(3)
    topics = rng.normal(size=(20, 96))
    words = np.repeat(topics, 10, axis=0) + 0.3 * rng.normal(size=(200, 96)) + 2
    table = static_vectors(words.astype(np.float32), rng.integers(0, 900, 200), width=16)
    unit = table.unit()
    assert table.steps.shape == (200, 16)
    assert table.steps.dtype == np.int8
    assert np.linalg.norm(unit, axis=1) == pytest.approx(1, abs=1e-5)
    alike = unit @ unit.T
    same = np.repeat(np.arange(20), 10)
    inside = same[:, None] == same[None]
    assert alike[inside].mean() > 0.8
    assert abs(alike[~inside].mean()) < 0.1


def test_one_command_fits_it(tmp_path: Path) -> None:
    rows = []
    for number in range(60):
        facts = f"The colour of box {number} is shade {number * 7}. " + "It rained that day. " * 40
        ask = {"q": f"What is the colour of box {number}?", "ev": [[0, 30]], "lvl": "sentence"}
        rows.append(json.dumps({"id": number, "lang": "en", "text": facts, "qas": [ask]}))
    (tmp_path / "boxes.jsonl").write_text("\n".join(rows))
    out = tmp_path / "skim.npz"
    code = main(["--data", str(tmp_path), "--queries", "4", "--out", str(out)])
    assert code == 0
    assert len(Skim.load(out).vectors) == 30522
    assert main(["--data", str(tmp_path / "none"), "--out", str(out)]) != 0
