"""The parts of a check, each run in a process of its own: by name, with what it may take."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from cprs_bench.gpu.record import Size, Tell

SHORT, LONG = slice(0, 2), slice(2, None)


@dataclass(frozen=True, slots=True)
class Part:
    """`run` tells what it finds; it has `seconds`, and is left out where fewer than `least` are
    left."""

    run: Callable[[Tell, Size], None]
    seconds: float
    least: float = 15.0


def _call(module: str, function: str, **options: Any) -> Callable[[Tell, Size], None]:
    """A function that is imported by the process that runs it alone."""

    def run(tell: Tell, size: Size) -> None:
        found = getattr(import_module(f"cprs_bench.gpu.{module}"), function)
        found(tell, size, **options)

    return run


def _kernels(tell: Tell, size: Size) -> None:
    """The benchmark of the kernels, and what it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        markdown = Path(folder) / "kernels.md"
        # The last to begin may take torch.compile another 20 seconds.
        more = ["--only", "swiglu", "--seconds", "15"] if size.tiny else ["--seconds", "50"]
        command = [sys.executable, "-m", "cprs_bench.kernels", "--markdown", str(markdown), *more]
        subprocess.run(command, check=True)
        tell(markdown=markdown.read_text(encoding="utf-8"))


def _way(shape: str, way: str, precision: str, which: slice | None = None) -> Any:
    options = {"shape": shape, "way": way, "precision": precision, "which": which}
    return _call("throughput", "throughput", **options)


PARTS: dict[str, Part] = {
    "machine": Part(_call("machine", "machine"), 30),
    "ceiling": Part(_call("ceiling", "ceiling"), 45),
    "correctness": Part(_call("correctness", "correctness"), 80),
    "7b ours bf16": Part(_way("7b", "ours", "bf16"), 120, least=40),
    "7b ours fp8": Part(_way("7b", "ours", "fp8"), 100, least=40),
    "0.6b ours bf16": Part(_way("0.6b", "ours", "bf16"), 45),
    "0.6b ours fp8": Part(_way("0.6b", "ours", "fp8"), 45),
    "7b fast bf16": Part(_way("7b", "fast", "bf16"), 60, least=25),
    "0.6b fast bf16": Part(_way("0.6b", "fast", "bf16"), 30),
    "7b published bf16": Part(_way("7b", "published", "bf16", SHORT), 60, least=25),
    "7b compiled bf16": Part(_way("7b", "compiled", "bf16", SHORT), 90, least=35),
    "0.6b published bf16": Part(_way("0.6b", "published", "bf16", SHORT), 45),
    "0.6b compiled bf16": Part(_way("0.6b", "compiled", "bf16", SHORT), 60, least=25),
    "requests": Part(_call("requests", "requests", shape="0.6b"), 40),
    "agreement": Part(_call("agreement", "agreements", shape="7b"), 45),
    "kernels": Part(_kernels, 75, least=25),
    # What is left of the time goes to what takes longest and is known least from shorter inputs.
    "0.6b compiled bf16, long": Part(_way("0.6b", "compiled", "bf16", LONG), 60, least=35),
    "7b published bf16, long": Part(_way("7b", "published", "bf16", LONG), 110, least=90),
    "7b compiled bf16, long": Part(_way("7b", "compiled", "bf16", LONG), 110, least=90),
}
"""In the order of what matters most."""
