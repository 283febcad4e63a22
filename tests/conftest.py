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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--none-skipped", action="store_true", help="fail where a test was skipped")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--none-skipped") and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def device() -> Any:
    """Where kernels run."""
    from kernel_device import open_device

    return open_device()
