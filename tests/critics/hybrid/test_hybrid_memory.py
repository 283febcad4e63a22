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
from cprs.critics.hybrid.memory import LEAST, MOST, Allowance, Budget, fitting, in_memory
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


def test_budgets_on_a_gpu_count_the_bytes_of_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, gpu = HybridConfig.read(make_hybrid(tmp_path)), torch.device("cuda")
    free = (3 * config.feed + 4 * config.width) * 100_000
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, free))
    budgets = [Budget.of(config, gpu, bytes_each=n).tokens for n in (2, 4)]
    assert budgets == [30_000, 15_000]
    rows = [Allowance.of(config, gpu, bytes_each=n).take(1 << 60) for n in (2, 4)]
    assert rows[0] == 2 * rows[1] == int(0.15 * free) // (2 * config.width)


def test_an_allowance_is_shared() -> None:
    allowance = Allowance(10)
    assert [allowance.take(7), allowance.take(7), allowance.take(7)] == [7, 3, 0]
    allowance.give(7)
    assert allowance.take(2) == 2


def test_a_budget_follows_from_free_memory(tmp_path: Path) -> None:
    config = HybridConfig.read(make_hybrid(tmp_path))
    each = (3 * config.feed + 4 * config.width) * 2
    assert fitting(config, each * 50_000) == 30_000
    assert fitting(config, 0) == LEAST
    assert fitting(config, 1 << 40) == MOST
    assert Budget.of(config, torch.device("cpu")).tokens == LEAST
