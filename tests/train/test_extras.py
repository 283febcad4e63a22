"""Without what training needs: one line that says what to install."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from command import run

from cprs.errors import OptionError
from cprs.train.extras import require


def test_what_is_missing_is_named() -> None:
    require("numpy")
    with pytest.raises(OptionError, match=r"needs nothing_of_the_kind; .*'cprs\[train\]'"):
        require("numpy", "nothing_of_the_kind")


def test_the_command_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else here(name)
    )
    done = run("train", "critic", "--data", tmp_path, "--out", tmp_path / "out")
    assert done.code == 2
    assert "needs torch; run: pip install 'cprs[train]'" in done.error
    (tmp_path / "critic").mkdir()
    (tmp_path / "critic" / "reasoner.safetensors").write_bytes(b"")
    sets = tmp_path / "sets"
    sets.mkdir()
    done = run("eval", "critic", "--data", sets, "--critic", tmp_path / "critic")
    assert "needs torch" in done.error
