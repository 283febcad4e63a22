"""What a benchmark ran on: figures mean little without it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from cprs.engine.cores import cores

# What int8 and bfloat16 speed depends on, by Linux's name and the usual one.
_SETS = {
    "avx2": "AVX2", "avx512f": "AVX-512", "avx_vnni": "AVX-VNNI", "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16", "amx_int8": "AMX int8", "amx_bf16": "AMX bf16",
    "asimd": "NEON", "asimddp": "dot product", "i8mm": "I8MM", "sve": "SVE",
}  # fmt: skip
_LIBRARIES = ("onnxruntime", "openvino", "torch", "transformers")


def describe(*, cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """CPU, instruction sets, cores, load and versions. Load is the run queue's average over the
    last minute: more than a few tenths before a benchmark begins, and its figures are not quiet."""
    lines = _lines(cpuinfo)
    flags = set((lines.get("flags") or lines.get("Features") or "").split())
    present = [name for flag, name in _SETS.items() if flag in flags]
    return {
        "cpu": lines.get("model name") or platform.processor() or platform.machine(),
        "instruction sets": ", ".join(present) or "not known",
        "int8 dot products": _int8(flags),
        "cores": str(cores()),
        "load average": load(),
        "python": platform.python_version(),
        **{name: version for name in _LIBRARIES if (version := _version(name))},
    }


def load() -> str:
    """The load average over 1, 5 and 15 minutes."""
    if not hasattr(os, "getloadavg"):
        return "not known"
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _int8(flags: set[str]) -> str:
    if not flags:
        return "not known"
    native = flags & {"avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"}
    return "yes" if native else "no: int8 gains least here"


def _lines(path: Path) -> dict[str, str]:
    try:
        first, _, _ = path.read_text("utf-8").partition("\n\n")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
