"""Steps that do not fit the memory."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")
pytest.importorskip("safetensors", reason="needs cprs[torch]")

from hybrid_folders import make_hybrid

from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.memory import LEAST, MOST, Budget, fitting, in_memory
from cprs.errors import CprsError


class Small:
    """Squares numbers, at most `most` at a time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.calls: list[int] = []

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(len(numbers))
        if len(numbers) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return [n * n for n in numbers]


@pytest.mark.parametrize("most", [1, 2, 3, 7, 20])
def test_what_does_not_fit_is_halved(most: int) -> None:
    run, told = Small(most), []
    found = in_memory(run, range(13), too_large=lambda part: told.append(len(part)))
    assert found == [n * n for n in range(13)]
    assert [n for n in run.calls if n > most] == told
    assert max(run.calls) == 13


def test_one_that_does_not_fit_alone_is_said_so() -> None:
    with pytest.raises(CprsError, match=r"not enough for one window.*fp8"):
        in_memory(Small(0), [1, 2])


def test_other_errors_pass() -> None:
    def broken(numbers: Sequence[int]) -> list[int]:
        raise RuntimeError("an illegal memory access")

    with pytest.raises(RuntimeError, match="illegal"):
        in_memory(broken, [1, 2])


def test_a_budget_only_falls() -> None:
    budget = Budget(100)
    budget.halve(80)
    assert budget.tokens == 40
    budget.halve(200)
    assert budget.tokens == 40


def test_a_budget_follows_from_free_memory(tmp_path: Path) -> None:
    config = HybridConfig.read(make_hybrid(tmp_path))
    each = (3 * config.feed + 4 * config.width) * 2
    assert fitting(config, each * 50_000) == 30_000
    assert fitting(config, 0) == LEAST
    assert fitting(config, 1 << 40) == MOST
    assert Budget.of(config, torch.device("cpu")).tokens == LEAST
