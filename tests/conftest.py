from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

# Tests share `tests/support.py` by its plain name.
sys.path.insert(0, str(Path(__file__).parent))

# Read once, when a kernel's module is first imported; TRITON_INTERPRET=0 tests them on a GPU.
os.environ.setdefault("TRITON_INTERPRET", "1")

if find_spec("torch") is None:
    collect_ignore_glob = ["kernels/test_*.py"]


@pytest.fixture(scope="session")
def device() -> Any:
    """Where kernels run."""
    from kernel_device import open_device

    return open_device()
