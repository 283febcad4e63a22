"""Tests with vLLM itself: `make test-vllm`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if importlib.util.find_spec("vllm") is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs vLLM: make test-vllm"))


@pytest.fixture(scope="session")
def hybrids(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny hybrids, by what the prompt may see and whose layout it is."""
    from with_vllm.tiny import make_hybrid

    folder = tmp_path_factory.mktemp("hybrids")
    return {
        "frozen": make_hybrid(folder / "frozen", prefix="frozen", tied=False),
        "exact": make_hybrid(folder / "exact", prefix="exact", tied=True),
        "published": make_hybrid(
            folder / "published", prefix="exact", tied=False, layout="published"
        ),
    }
