"""What was measured on: the GPU, its driver, and the versions that matter."""

from __future__ import annotations

import importlib.metadata
import subprocess

import torch

from cprs_bench.gpu.record import Size, Tell
from cprs_bench.machine import describe

_LIBRARIES = ("triton", "numpy", "tokenizers", "safetensors", "flash-attn", "flash-attn-3", "vllm")
_ASKED = "name,driver_version,memory.total,power.limit,clocks.max.sm,clocks.max.memory"


def machine(tell: Tell, size: Size) -> None:
    """Hardware and versions."""
    found = describe()
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    found["torch"] = str(torch.__version__)
    found["CUDA"] = str(torch.version.cuda or torch.version.hip or "none")
    if torch.cuda.is_available():
        about = torch.cuda.get_device_properties(0)
        found["GPU"] = f"{torch.cuda.device_count()} x {about.name}"
        found["capability"] = f"{about.major}.{about.minor}"
        found["processors"] = str(about.multi_processor_count)
        found.update(_driver())
    else:
        found["GPU"] = "none: a rehearsal"
    tell(**found)


def _driver() -> dict[str, str]:
    ask = ["nvidia-smi", f"--query-gpu={_ASKED}", "--format=csv,noheader"]
    try:
        said = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    first = said.splitlines()[0] if said.splitlines() else ""
    names = (name.replace("_", " ").replace(".", " ") for name in _ASKED.split(","))
    return dict(zip(names, (value.strip() for value in first.split(",")), strict=False))
