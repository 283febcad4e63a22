"""Compiles every kernel for one target, without a GPU, and prints as JSON what came out.

    python compile_ahead.py sm_90 [part of a module's name]

A program of its own: whether kernels are compiled or interpreted, and by which Triton, is settled
once per process.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cprs_kernels
import triton
from cprs_kernels.build import Build
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

# Matrix instructions: mma.sync until Ada, warpgroups on Hopper, tensor memory on Blackwell.
MATRIX = {
    "sm_80": r"\bmma\.sync",
    "sm_90": r"\bwgmma\.mma_async",
    "sm_100": r"\btcgen05\.mma",
    "gfx942": r"\bv_mfma_",
}


def main(target: str, only: str = "") -> None:
    found = []
    for module in pkgutil.iter_modules(cprs_kernels.__path__, "cprs_kernels."):
        if module.name.endswith("_triton") and only in module.name:
            for build in importlib.import_module(module.name).builds(target):
                found.append(compiled(build, target))
    json.dump({"triton": triton.__version__, "builds": found}, sys.stdout)


def compiled(build: Build, target: str) -> dict[str, Any]:
    """Name, matrix instructions, spilled registers and bytes of shared memory of one build."""
    names = build.kernel.arg_names
    types = {name: build.types.get(name, "constexpr") for name in names}
    aligned = [name for name in names if types[name].startswith("*")] + list(build.aligned)
    source = ASTSource(
        fn=build.kernel,
        signature=types,
        constexprs=dict(build.constants),
        attrs={(names.index(name),): [["tt.divisibility", 16]] for name in aligned},
    )
    if target.startswith("sm_"):
        gpu = GPUTarget("cuda", int(target.removeprefix("sm_")), 32)
    else:
        gpu = GPUTarget("hip", target, 64)
    kernel = triton.compile(source, target=gpu, options=dict(build.options))
    assembly = kernel.asm["ptx"] if "ptx" in kernel.asm else kernel.asm["amdgcn"]
    return {
        "name": build.name,
        "wants_matrix": build.tensor_cores,
        "matrix": len(re.findall(MATRIX[target], assembly)),
        "spills": spills(kernel),
        "shared": kernel.metadata.shared,
    }


def spills(kernel: Any) -> int:
    """Bytes of registers that are kept in local memory, by thread."""
    if "cubin" not in kernel.asm:
        return sum(map(int, re.findall(r"[vs]gpr_spill_count:\s*(\d+)", kernel.asm["amdgcn"])))
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(kernel.asm["cubin"])
        file.flush()
        told = [str(tool), "--dump-resource-usage", file.name]
        done = subprocess.run(told, capture_output=True, text=True, check=True)
    return sum(map(int, re.findall(r"\b(?:STACK|LOCAL):(\d+)", done.stdout)))


if __name__ == "__main__":
    main(*sys.argv[1:])
