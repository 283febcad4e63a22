"""Every kernel, compiled for GPUs that are not here, as it is launched there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

# Shared memory a block may have, in bytes.
SHARED = {"sm_80": 163 << 10, "sm_90": 227 << 10, "sm_100": 227 << 10, "gfx942": 64 << 10}
# The Makefile puts an older Triton beside the newest: the one PyTorch 2.11 comes with.
OLDER = Path(sys.prefix) / "triton-3.6.0"


def compile_ahead(target: str, path: Path | None) -> list[dict[str, Any]]:
    known = [str(path)] if path else []
    environment = os.environ | {
        "TRITON_INTERPRET": "0",
        "TRITON_DEFAULT_FP_FUSION": "1",
        "TRITON_CACHE_DIR": str(Path(sys.prefix) / "triton-cache"),
        "PYTHONPATH": os.pathsep.join([*known, *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "compile_ahead.py"), target],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert path is None or said["triton"] in path.name
    builds: list[dict[str, Any]] = said["builds"]
    return builds


@pytest.mark.parametrize(
    ("triton", "target"),
    # PyTorch 2.11 on AMD is left out: it would say the least for its time.
    [("newest", target) for target in SHARED]
    + [("older", target) for target in SHARED if target.startswith("sm_")],
)
def test_kernels_compile_into_what_the_hardware_is_good_at(triton: str, target: str) -> None:
    if find_spec("triton") is None:
        pytest.skip("needs triton")
    if triton == "older" and not (OLDER / "triton").exists():
        pytest.skip(f"no Triton in {OLDER}: make test puts it there")
    builds = compile_ahead(target, OLDER if triton == "older" else None)
    assert builds
    for build in builds:
        assert not build["wants_matrix"] or build["matrix"], f"no matrix instructions: {build}"
        assert build["spills"] == 0, f"registers are spilled: {build}"
        assert build["shared"] <= SHARED[target], f"too much shared memory: {build}"
