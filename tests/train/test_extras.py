"""Without what training needs: one line that says what to install."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from command import run

from cprs.errors import OptionError
from cprs.extras import torch_device
from cprs.train.extras import require


def test_what_is_missing_is_named() -> None:
    require("numpy")
    with pytest.raises(OptionError, match=r"needs nothing_of_the_kind; .*'cprs\[train\]'"):
        require("numpy", "nothing_of_the_kind")
    with pytest.raises(OptionError, match=r"exporting needs .*'cprs\[export\]'"):
        require("nothing_of_the_kind", what="exporting", extra="export")


def test_a_device_is_here_or_refused() -> None:
    pytest.importorskip("torch", reason="needs cprs[train]")
    assert torch_device("cpu") == "cpu"
    assert torch_device("auto") in ("cpu", "cuda")
    with pytest.raises(OptionError, match="device 'tpu' is not here; known: auto, cpu"):
        torch_device("tpu")


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
