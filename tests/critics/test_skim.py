"""The first look: what it ranks first, that it stays within its request, broken files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cprs.critics.embedded import EmbeddedCritic
from cprs.critics.skim import FEATURES, SHIPPED, Skim
from cprs.errors import WeightsError
from cprs.formats import segment
from cprs.guidance import Guidance
from cprs.windows import Window, cut_windows

HAY = "The train was late again. Somebody had left a window open. Nobody spoke for a while. "
FACTS = {
    "What medicine did the doctor recommend?": "A physician prescribed her tablets of aspirin. ",
    "Where is 7f3a-99d1-22bc?": "Key 7f3a-99d1-22bc maps to drawer 48. ",
    "Which meetings were cancelled?": "They had called off the meeting of the council. ",
}


@pytest.fixture(scope="module")
def critic() -> EmbeddedCritic:
    return EmbeddedCritic.load()


def windows_of(critic: EmbeddedCritic, text: str) -> list[Window]:
    passages = segment(text, format="text", granularity="sentence").passages
    return cut_windows(critic.encode(text), passages, size=critic.window)


def test_windows_that_answer_are_among_the_first(critic: EmbeddedCritic) -> None:
    text = HAY * 60 + "".join(fact + HAY * 60 for fact in FACTS.values())
    windows = windows_of(critic, text)
    assert len(windows) > 15
    for query, fact in FACTS.items():
        scores = critic.skim(Guidance(query=query), windows)
        assert scores is not None
        assert scores.dtype == np.float32
        best = [windows[i] for i in np.argsort(-scores, kind="stable")[:3].tolist()]
        place = text.index(fact)
        assert any(window.start <= place < window.end for window in best), query


def test_the_shipped_file_is_small_and_loads() -> None:
    assert SHIPPED.stat().st_size < 4 << 20
    skim = Skim.load()
    assert len(skim.vectors) == len(skim.vectors.worth)
    assert skim.digest == Skim.load().digest


def test_a_file_is_what_was_saved(tmp_path: Path) -> None:
    skim = Skim.load()
    skim.save(tmp_path / "skim.npz")
    again = Skim.load(tmp_path / "skim.npz")
    assert again.digest == skim.digest
    assert (tmp_path / "skim.npz").read_bytes() == SHIPPED.read_bytes()


def test_nothing_to_look_at(critic: EmbeddedCritic) -> None:
    assert critic.skim(Guidance(query="?"), []) is not None
    windows = windows_of(critic, "One sentence.")
    for query in ("?", "one", ""):
        scores = critic.skim(Guidance(query=query), windows)
        assert scores is not None
        assert scores.shape == (1,)
        assert np.isfinite(scores).all()


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="missing"):
        Skim.load(tmp_path / "none.npz")
    (tmp_path / "cut.npz").write_bytes(SHIPPED.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="cannot be read"):
        Skim.load(tmp_path / "cut.npz")
    np.savez(tmp_path / "old.npz", format=np.array(1), features=np.array(FEATURES[:3]))
    with pytest.raises(WeightsError, match="another version"):
        Skim.load(tmp_path / "old.npz")
