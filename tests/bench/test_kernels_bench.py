from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("triton", reason="needs triton")

from cprs_bench import kernels  # noqa: E402
from cprs_bench.kernel_cases.case import Case  # noqa: E402
from cprs_bench.kernel_cases.measure import Clock, Row, measure  # noqa: E402
from kernel_casts import mend_casts  # noqa: E402

CPU = torch.device("cpu")
KERNELS = {
    "attention, causal", "attention, both ways", "residual + RMSNorm",
    "residual + RMSNorm to fp8", "SwiGLU", "SwiGLU to fp8", "product, gate and up", "rotary",
    "critic head", "vocabulary log-sum-exp", "compaction to half",
    "residual + RMSNorm, with gradients", "SwiGLU, with gradients",
    "attention, causal, with gradients",
}  # fmt: skip


def case(**contenders: Any) -> Case:
    return Case(
        "doubling", "tiny", "3", lambda: (torch.arange(3.0),), lambda x: 2 * x,
        contenders, within=1e-3, bytes=24,
    )  # fmt: skip


def clock(seconds: float = 60) -> Clock:
    return Clock(CPU, seconds=seconds, rounds=2)


@pytest.mark.filterwarnings("ignore")
def test_all_of_it_is_rehearsed_without_a_gpu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU: no rehearsal")
    mend_casts()
    files = [tmp_path / "kernels.json", tmp_path / "kernels.md"]
    kernels.main(["--json", str(files[0]), "--markdown", str(files[1])])
    said = json.loads(files[0].read_text("utf-8"))
    assert said["rehearsal"] is True
    assert said["machine"]["torch"] == torch.__version__
    assert {row["kernel"] for row in said["rows"]} == KERNELS
    rows = {(row["kernel"], row["contender"]): row for row in said["rows"]}
    for kernel in KERNELS - {"product, gate and up"}:
        ours = rows[kernel, "cprs"]
        assert ours["problem"] is None
        assert ours["milliseconds"] > 0
    for row in said["rows"]:
        assert "wrong" not in (row["problem"] or ""), row
        if row["contender"].startswith("torch"):
            assert row["problem"] is None, row
    assert rows["attention, causal", "FlexAttention"]["problem"] is None
    assert "fp8 products need an NVIDIA GPU" in rows["product, gate and up", "fp8"]["problem"]
    report = files[1].read_text("utf-8")
    assert report.startswith("**A rehearsal: there is no GPU here.**")
    assert capsys.readouterr().out == report


def test_what_is_wrong_is_not_timed() -> None:
    ours, wrong, nan = measure(
        case(cprs=lambda x: x + x, wrong=lambda x: 2.1 * x, nan=lambda x: x / 0 * 0), clock()
    )
    assert ours.problem is None
    assert ours.error == 0
    assert ours.unit == "GB/s"
    assert wrong.problem == "wrong by 0.05"
    assert wrong.milliseconds is None
    assert nan.problem == "wrong by nan"


def test_what_cannot_run_is_a_line() -> None:
    def fails(x: Any) -> Any:
        raise RuntimeError("no such kernel\nmore of it")

    rows = measure(case(cprs=lambda x: 2 * x, rival=fails), clock())
    assert rows[1].problem == "RuntimeError: no such kernel"
    lines = kernels.table(rows).splitlines()
    assert "| rival: RuntimeError: no such kernel |" in lines[-1]
    assert len({line.count("|") for line in lines[2:]}) == 1


def test_a_shape_that_does_not_fit_is_a_line_each() -> None:
    def fails() -> Any:
        raise RuntimeError("out of memory")

    rows = measure(replace(case(cprs=lambda x: 2 * x, rival=lambda x: 2 * x), make=fails), clock())
    assert [row.problem for row in rows] == ["RuntimeError: out of memory"] * 2


def test_inputs_that_are_changed_are_the_contenders_own() -> None:
    def in_place(x: Any) -> Any:
        return x.mul_(2)

    rows = measure(case(cprs=in_place, rival=lambda x: 2 * x), clock())
    assert [row.problem for row in rows] == [None, None]


def test_what_must_be_built_is_measured_beside_ours() -> None:
    slow = replace(
        case(cprs=lambda x: 2 * x, other=lambda x: x + x), built={"late": lambda x: x * 2}
    )
    (row,) = measure(slow, clock(), built=True)
    assert row.contender == "late"
    assert row.behind is not None
    assert [row.contender for row in measure(slow, clock())] == ["cprs", "other"]
    assert [row.problem for row in measure(slow, clock(-1), built=True)] == ["no time left"]


def test_nothing_begins_when_time_is_up() -> None:
    (row,) = measure(case(cprs=lambda x: 2 * x), clock(seconds=-1))
    assert row.problem == "no time left"


def test_the_table_compares_with_ours() -> None:
    rows = [
        Row("k", "7B", "4 × 4", "cprs", 0.5, 1.1, 1.0, 1234.5, "GB/s", 1e-7, 10.0),
        Row("k", "7B", "4 × 4", "torch", 1.0, 1.2, 2.0, 617.2, "GB/s", 1e-7, 2000.0),
    ]
    lines = kernels.table(rows).splitlines()
    assert lines[0] == "### k, 7B: 4 × 4"
    assert lines[-2] == "| cprs | 0.500 | 1.00× | 1,234 | 1.10 | 10 | 1.0e-07 |"
    assert lines[-1] == "| torch | 1.000 | 2.00× | 617 | 1.20 | 2,000 | 1.0e-07 |"


def test_without_torch_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kernels, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="2"):
        kernels.main([])
    assert "pip install torch triton" in capsys.readouterr().err
