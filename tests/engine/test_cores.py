from __future__ import annotations

from pathlib import Path

import pytest

from cprs.engine.cores import cores


@pytest.mark.parametrize(
    ("quota", "at_most"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None)]
)
def test_a_container_s_quota_counts(tmp_path: Path, quota: str, at_most: int | None) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(quota + "\n")
    assert cores(quota=path) == (at_most or cores(quota=tmp_path / "none"))


def test_there_is_always_a_core() -> None:
    assert cores() >= 1
