"""Kernels of the hybrid critic beside torch, torch.compile, SDPA, varlen attention, FlexAttention,
flash-attn and Liger, whichever is installed and runs here.

    python -m cprs_bench.kernels --json kernels.json --markdown kernels.md
    python -m cprs_bench.kernels --only attention norm --seconds 60

Each result is compared with the formula in float32 first; what is wrong is not timed. All run in
turn, with a cold cache; a row is the median. Without a GPU the sizes are tiny and the figures mean
nothing: a rehearsal of all this code.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cprs_bench.machine import describe

if TYPE_CHECKING:
    from cprs_bench.kernel_cases.measure import Row

REHEARSAL = (
    "**A rehearsal: there is no GPU here.** Sizes are tiny, kernels run in Triton's interpreter if"
    " at all (which casts to fp8 wrongly), torch.compile compiles nothing, and the times mean"
    " nothing."
)
_RIVALS = ("triton", "flash-attn", "flash-attn-3", "liger-kernel")


def run(options: argparse.Namespace) -> tuple[list[Row], bool]:
    """Measure what `options` choose: rows, and whether they are a rehearsal's."""
    import torch

    from cprs_bench.kernel_cases import SHAPES, TINY, Bench, cases
    from cprs_bench.kernel_cases.measure import Clock, measure

    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    bench = Bench(
        device,
        # Triton's interpreter multiplies bfloat16 wrongly.
        torch.bfloat16 if gpu else torch.float32,
        "inductor" if gpu else "eager",
    )
    clock = Clock(device, seconds=options.seconds, rounds=options.rounds if gpu else 1)
    rows: list[Row] = []
    with torch.no_grad():
        chosen = [
            case
            for shape in (SHAPES if gpu else TINY)
            for case in cases(bench, shape)
            if not options.only or any(w.lower() in case.kernel.lower() for w in options.only)
        ]
        # What torch.compile builds comes last: little time is better spent on the others.
        for built in (False, True):
            for case in chosen:
                if case.built or not built:
                    sys.stderr.write(f"{case.kernel}, {case.shape}\n")
                    rows += measure(case, clock, built=built)
    return rows, not gpu


def machine() -> dict[str, str]:
    """What it ran on: the GPU and its libraries before the rest."""
    import torch

    about = {}
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        about["gpu"] = properties.name
        about["gpu memory"] = f"{properties.total_memory / 2**30:.0f} GiB"
        about["compute capability"] = f"{properties.major}.{properties.minor}"
        about["cuda"] = str(torch.version.cuda or torch.version.hip)
    for name in _RIVALS:
        try:
            about[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            about[name] = "not installed"
    return about | describe()


def table(rows: Sequence[Row]) -> str:
    """A Markdown table per kernel and shape; the first contender of each is ours."""
    parts: list[str] = []
    for kernel, shape in dict.fromkeys((row.kernel, row.shape) for row in rows):
        some = [row for row in rows if (row.kernel, row.shape) == (kernel, shape)]
        unit = next((row.unit for row in some if row.unit), "rate")
        head = ["", "ms", "cprs is faster by", unit, "slowest ÷ quickest", "peak MB", "error"]
        lines = [f"### {kernel}, {shape}: {some[0].about}", ""]
        lines += ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
        for row in some:
            lines.append("| " + " | ".join(_cells(row)) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _cells(row: Row) -> list[str]:
    error = "" if row.error is None else f"{row.error:.1e}"
    if row.milliseconds is None or row.rate is None:
        problem = (row.problem or "not run").replace("|", "\\|")
        return [f"{row.contender}: {problem}", "", "", "", "", "", error]
    by = "" if row.behind is None else f"{row.behind:.2f}×"
    memory = "" if row.memory is None else f"{row.memory:,.0f}"
    return [
        row.contender, f"{row.milliseconds:.3f}", by, f"{row.rate:,.0f}", f"{row.spread:.2f}",
        memory, error,
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m cprs_bench.kernels",
        description="Kernels of the hybrid critic beside others.",
    )
    parser.add_argument("--only", nargs="+", metavar="WORD", help="kernels with one of these words")
    parser.add_argument("--rounds", type=_positive, default=5, help="how often each is measured")
    parser.add_argument("--seconds", type=float, default=240, help="begin nothing more after these")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    options = parser.parse_args(arguments)
    if find_spec("torch") is None:
        parser.exit(2, "error: this benchmark needs torch: pip install torch triton\n")
    rows, rehearsal = run(options)
    about = machine()
    figures = {"machine": about, "rehearsal": rehearsal, "rows": [asdict(row) for row in rows]}
    facts = "\n".join(f"- {name}: {value}" for name, value in about.items())
    report = "\n\n".join([*([REHEARSAL] if rehearsal else []), facts, table(rows)])
    for path, text in ((options.json, json.dumps(figures, indent=2)), (options.markdown, report)):
        if path is not None:
            path.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(report + "\n")


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


if __name__ == "__main__":
    main()
