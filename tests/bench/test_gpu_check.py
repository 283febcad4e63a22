"""A rehearsal of what is measured on a GPU, at a size that a CPU has done in seconds."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")
pytest.importorskip("safetensors", reason="needs cprs[torch]")

from cprs_bench.gpu import __main__ as check
from cprs_bench.gpu import correctness as kernels
from cprs_bench.gpu.agreement import agreements
from cprs_bench.gpu.ceiling import ceiling
from cprs_bench.gpu.compiled import CompiledBatches
from cprs_bench.gpu.parts import PARTS, Part
from cprs_bench.gpu.published import PublishedLoop
from cprs_bench.gpu.record import Size, teller, told
from cprs_bench.gpu.requests import requests
from cprs_bench.gpu.shapes import (
    SHAPES,
    operations,
    operations_of_two,
    parameters,
    random_model,
    with_probe,
)
from cprs_bench.gpu.table import markdown
from cprs_bench.gpu.throughput import throughput

from cprs.critics.hybrid.asked import Prompt
from cprs.critics.hybrid.pipeline import Pipeline

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[2]
TINY = Size(tiny=True)
CPU = torch.device("cpu")


class Told(list[dict[str, Any]]):
    """What a part finds."""

    def __call__(self, **found: Any) -> None:
        self.append(found)


def test_the_script_writes_json_and_markdown(tmp_path: Path) -> None:
    script, parts = ROOT / "scripts" / "gpu_check.sh", ["machine", "7b ours fp8"]
    environment = {**os.environ, "PYTHON": sys.executable, "OUT": str(tmp_path)}
    done = subprocess.run(
        [script, "--tiny", "--seconds", "120", "--parts", *parts],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert list(found["parts"]) == parts
    assert all(part["ended"] == "whole" for part in found["parts"].values())
    page = (tmp_path / "gpu.md").read_text()
    assert "A rehearsal" in page
    assert "| 7b | ours | fp8 |" in page
    assert f"| torch | {torch.__version__} |" in page


@pytest.mark.parametrize(
    ("way", "precision"),
    [
        ("ours", "bf16"),
        ("ours", "fp8"),
        ("fast", "bf16"),
        ("published", "bf16"),
        ("compiled", "bf16"),
    ],
)
def test_every_way_is_measured(way: str, precision: str) -> None:
    tell = Told()
    throughput(tell, TINY, shape="7b", way=way, precision=precision, which=slice(0, 1))
    (run,) = (one for one in tell if "tokens" in one)
    assert run["tokens"] >= run["wanted"] == 500
    assert run["tokens_per_second"] == pytest.approx(run["tokens"] / run["seconds"])
    assert run["needed_tflops"] > 0
    assert ("share" in tell[-1]) == (way == "ours")


def test_all_ways_say_the_same() -> None:
    """Or a faster one would be no wonder."""
    config = SHAPES["tiny"]
    model = random_model(config, device=CPU, dtype=torch.float32)
    rng = np.random.default_rng(0)
    prompt = rng.integers(0, 512, 11).astype(np.int32)
    windows = [rng.integers(0, 512, 60).astype(np.int32) for _ in range(3)]
    pipeline = Pipeline(model)
    ours = [tags.argmax(1).tolist() for tags, _ in pipeline.read(Prompt(prompt), windows)]
    pipeline.close()
    compiled = CompiledBatches(model, batch=2, compile=False).read(prompt, windows)
    assert PublishedLoop(model).read(prompt, windows) == ours
    assert [tags.tolist() for tags in compiled] == ours


@pytest.mark.usefixtures("device")
def test_kernels_are_compared_with_their_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    tell = Told()
    kernels.correctness(tell, TINY)
    compared = [one for one in tell if "ok" in one]
    assert {one["kernel"] for one in compared} >= {"attention", "add_rms_norm", "critic_head"}
    assert {one["precision"] for one in compared} == {"float32", "float16", "bfloat16"}
    assert all(one["ok"] for one in compared)
    assert {"triton", "reference"} <= {one["implementation"] for one in compared}
    assert any("unavailable" in one for one in tell)  # what needs a GPU

    swiglu: Any = vars(kernels)["swiglu"]
    monkeypatch.setattr(
        kernels,
        "swiglu",
        lambda x, **more: swiglu(x, **more) * (1 + 1e-2 * (x.dtype != torch.float64)),
    )
    monkeypatch.setattr(kernels, "_TYPES", (torch.float32,))
    tell = Told()
    with pytest.raises(SystemExit, match="wrong: swiglu"):
        kernels.correctness(tell, TINY)
    wrong = {one["kernel"] for one in tell if "ok" in one and not one["ok"]}
    assert wrong == {"swiglu"}


def test_agreement_and_ceiling() -> None:
    tell = Told()
    agreements(tell, TINY, shape="7b")
    assert tell[0]["tags"] == 1
    assert tell[1]["tags"] > 0.9
    ceiling(tell, TINY)
    assert {one.get("precision") for one in tell[2:]} == {"bf16", "fp8", None}


def test_short_requests() -> None:
    tell = Told()
    requests(tell, TINY, shape="0.6b")
    assert [one["what"] for one in tell] == [
        "one request",
        "one request",
        "8 requests, 1 at once",
        "8 requests, 8 at once",
    ]
    page = markdown({"tiny": True, "parts": {"requests": {"ended": "whole", "found": tell}}})
    assert "| 8 requests, 8 at once | plain | 60 |" in page


def test_operations_are_counted_as_they_are_needed() -> None:
    shape = SHAPES["7b"]
    assert parameters(shape) == pytest.approx(6.5e9, rel=0.01)
    # A window of 8,192 without a prompt: design figures, 124 TFLOP.
    assert operations(shape, [8192], prompt=0) == pytest.approx(124e12, rel=0.03)
    assert operations(shape, [4096, 4096], prompt=0) < operations(shape, [8192], prompt=0)
    # 4 of 28 layers for all windows, the others for the sixth: a little more than a quarter.
    whole = operations(shape, [6144] * 60, prompt=200)
    fast = operations_of_two(with_probe(shape), [6144] * 60, [6144] * 10, prompt=200)
    assert fast / whole == pytest.approx(4 / 28 + 24 / 28 / 6, rel=0.02)
    assert operations(shape, [4096], prompt=200) > operations(shape, [4096], prompt=0)


def test_a_part_that_hangs_or_fails_loses_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = check._run("ceiling", tmp_path, 0.01, tiny=True)
    assert stopped["ended"].startswith("stopped")
    assert stopped["found"] == []
    parts = {"machine": Part(PARTS["machine"].run, 30, least=1e9), "ceiling": PARTS["ceiling"]}
    monkeypatch.setattr(check, "PARTS", parts)
    monkeypatch.setattr(
        check, "_run", lambda *given, **more: {**stopped, "ended": "failed", "said": "why"}
    )
    assert check.main(["--out", str(tmp_path), "--parts", "machine", "ceiling"]) == 1
    page = (tmp_path / "gpu.md").read_text()
    assert "- machine: left out: no time left" in page
    assert "- ceiling: failed\n\n```\nwhy\n```" in page


def test_half_a_line_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    teller(path, part="a")(value=1)
    with path.open("a") as file:
        file.write('{"value": 2')
    assert told(path) == [{"part": "a", "value": 1}]


def test_goals_are_set_beside_what_was_found() -> None:
    def run(seconds: float, wanted: int = 2**21) -> dict[str, Any]:
        speed = wanted / seconds
        return {"wanted": wanted, "tokens": wanted, "windows": 1, "seconds": seconds, "said": "",
                "tokens_per_second": speed, "needed_tflops": 500.0, "peak_gib": 1.0}  # fmt: skip

    def part(*found: dict[str, Any]) -> dict[str, Any]:
        return {"ended": "whole", "seconds": 1.0, "found": list(found)}

    page = markdown({"tiny": False, "parts": {
        "ceiling": part({"what": "x", "precision": "bf16", "tflops": 800.0}),
        "7b ours bf16": part(run(50.0), {"what": "heads", "share": 0.004}),
        "7b published bf16": part(run(100.0)),
    }})  # fmt: skip
    assert "| 7B bf16, of the bf16 ceiling | 62 % | 65 % |" in page
    assert "| 7B bf16 ÷ published loop | 2.00 | 1.5 |" in page
    assert "| 7B bf16, 2M tokens, seconds | 50.0 | 60 |" in page
    assert "| 7B fp8, 2M tokens, seconds | not measured | 38 |" in page
    assert "| 7b: heads' share of the time | 0.40 % | 1 % |" in page


def test_nothing_is_needed_that_a_gpu_machine_lacks() -> None:
    """It has torch, Triton, transformers and tokenizers, with what these bring along."""
    lacking = (
        "typer", "rich", "tiktoken", "onnxruntime", "openvino", "tree_sitter", "fastapi",
        "pydantic", "pytest", "hypothesis", "onnx", "aiohttp",
    )  # fmt: skip
    code = (
        "import sys; sys.modules.update(dict.fromkeys(%r)); import pkgutil, importlib;"
        "import cprs_bench.gpu as g, cprs_bench.kernels;"
        "[importlib.import_module(f'cprs_bench.gpu.{m.name}') for m in"
        " pkgutil.iter_modules(g.__path__)]"
    )
    folders = [ROOT, ROOT / "kernels", ROOT / "benchmarks"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    subprocess.run([sys.executable, "-c", code % (lacking,)], env=environment, check=True)
