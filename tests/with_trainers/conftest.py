"""Tests with other trainers themselves: `make test-l1`."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

# TRL tells its makers of every trainer, and asks their hub for what is there already.
os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_OFFLINE="1", TRL_EXPERIMENTAL_SILENCE="1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = {name for name in ("trl", "verl") if importlib.util.find_spec(name) is None}
    for item in items:
        if Path(__file__).parent in item.path.parents:
            name = "verl" if "verl" in item.path.name else "trl"
            if name in missing:
                item.add_marker(pytest.mark.skip(reason=f"needs {name}: make test-l1"))
