"""Who may import whom (design §2), and how light the base is."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "cprs": ROOT / "cprs",
    "cprs_kernels": ROOT / "kernels/cprs_kernels",
    "cprs_server": ROOT / "server/cprs_server",
    "cprs_client": ROOT / "clients/python/cprs_client",
    "cprs_bench": ROOT / "benchmarks/cprs_bench",
}
MAY = {
    "cprs": {"cprs", "cprs_kernels"},
    "cprs_kernels": {"cprs_kernels"},
    "cprs_server": {"cprs_server", "cprs"},
    "cprs_client": {"cprs_client"},
    "cprs_bench": {"cprs_bench", "cprs", "cprs_kernels"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def modules(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


def test_the_packages_are_found() -> None:
    assert modules("cprs")


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_know_only_whom_they_may(package: str) -> None:
    for path in modules(package):
        for name in imports(path):
            top = name.partition(".")[0]
            assert top not in PACKAGES or top in MAY[package], f"{path} imports {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_hides_what_its_package_calls_by_that_name(package: str) -> None:
    for path in modules(package):
        if path.name != "__init__.py":
            continue
        name = ".".join(path.parent.relative_to(PACKAGES[package].parent).parts)
        own = {p.stem for p in path.parent.iterdir() if p.suffix == ".py" or p.is_dir()}
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module != name:
                taken = own & {alias.asname or alias.name for alias in node.names}
                # A name out of the module of that name is bound after it, and stays.
                hidden = {one for one in taken if node.module != f"{name}.{one}"}
                assert not hidden, f"{path}: importing the module {hidden} replaces that name"


def test_only_the_hybrid_critic_knows_the_kernels() -> None:
    for path in modules("cprs"):
        knows = any(name.partition(".")[0] == "cprs_kernels" for name in imports(path))
        assert not knows or path.parent == PACKAGES["cprs"] / "critics/hybrid", path


def test_the_companion_and_the_compressor_do_not_know_each_other() -> None:
    for path in modules("cprs"):
        inside = "l1" in path.relative_to(PACKAGES["cprs"]).parts[:1]
        # What all of the command line shares: its errors, recipes, and how it speaks.
        shared = (
            "cprs.l1",
            "cprs.errors",
            "cprs.extras",
            "cprs.recipes",
            *(["cprs.cli."] if path.parent.name == "cli" else []),
        )
        for name in imports(path):
            if inside:
                assert not name.startswith("cprs.") or name.startswith(shared), path
            elif path.parent.name != "cli":
                assert not name.startswith("cprs.l1"), path


def test_nobody_uses_private_names_of_cprs() -> None:
    for package in ("cprs_server", "cprs_bench"):
        for path in modules(package):
            assert not any("._" in name for name in imports(path) if name.startswith("cprs"))


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


def test_importing_cprs_loads_neither_torch_nor_a_runtime() -> None:
    heavy = (
        "{'torch', 'transformers', 'openvino', 'onnxruntime', 'typer', 'rich', 'tree_sitter_cpp'}"
    )
    code = f"import sys, cprs; cprs.Compressor; print(sorted({heavy} & set(sys.modules)))"
    assert run(code).strip() == "[]"


def test_importing_cprs_is_quick() -> None:
    """Against the interpreter's own start and numpy's import in the same run: a ratio holds on
    a noisy machine where seconds do not."""
    code = (
        "import time; a = time.perf_counter(); import numpy, json; b = time.perf_counter();"
        "import cprs; c = time.perf_counter(); print((c - b) / (b - a))"
    )
    assert min(float(run(code)) for _ in range(3)) < 1
