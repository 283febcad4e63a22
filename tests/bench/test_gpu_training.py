"""A rehearsal of training on a GPU, at a size that a CPU has done in seconds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("transformers", reason="needs cprs[train]")
pytest.importorskip("yaml", reason="needs cprs[train]")
pytest.importorskip("safetensors", reason="needs cprs[train]")

from hybrids import write_sets

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "gpu_train.sh"


@pytest.mark.skipif(shutil.which("timeout") is None, reason="needs the command timeout")
def test_one_call_trains_measures_and_writes(tmp_path: Path) -> None:
    folder, out = tmp_path / "packed", tmp_path / "figures"
    write_sets(folder / "data", "train", "dev")
    done = subprocess.run(
        [SCRIPT, folder, "--size", "tiny", "--minutes", "0", "--queries", "1", "--device", "cpu"],
        env={**os.environ, "PYTHON": sys.executable, "OUT": str(out), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((out / "hybrid-training.json").read_text())
    assert found["steps"] == 20
    losses = [point["loss"] for point in found["curve"]]
    assert losses[-1] < losses[0]
    assert {"machine", "size", "seconds", "report"} <= set(found)
    assert [row["ratio"] for row in found["beside"]] == [8, 32, 128]
    assert all(
        0 <= row[name] <= 1 for row in found["beside"] for name in ("hybrid", "fast", "bm25")
    )
    page = (out / "hybrid-training.md").read_text()
    assert page in done.stdout
    assert "| compression | hybrid | of its sixth (fast) | BM25 | difference |" in page
    assert f"| 20 | {losses[-1]:.4f} |" in page
