from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from cprs.critics import runtimes
from cprs.critics.embedded_base import Base
from cprs.critics.runtimes import RUNTIMES, available, open_runtime
from cprs.errors import WeightsError

Name = Literal["openvino", "onnxruntime"]
INSTALLED = pytest.mark.parametrize("runtime", available())

SENTENCES = (
    "Who chaired the meeting?",
    "The chairman of the meeting was Alice.",
    "Bananas are yellow.",
    "def add(a, b): return a + b",
    "2015-07-29 17:41:44,747 - WARN [SendWorker] - Interrupted while waiting",
    "La réunion était présidée par Alice.",
)
# Cosines of mean token states in the original model: float32, PyTorch.
ORIGINAL = (
    (1.0, 0.747, -0.018, -0.022, 0.125, 0.192),
    (0.747, 1.0, -0.044, 0.015, 0.132, 0.344),
    (-0.018, -0.044, 1.0, 0.034, 0.029, -0.083),
    (-0.022, 0.015, 0.034, 1.0, 0.021, -0.007),
    (0.125, 0.132, 0.029, 0.021, 1.0, -0.013),
    (0.192, 0.344, -0.083, -0.007, -0.013, 1.0),
)


@cache
def load(runtime: Name, threads: int = 2) -> Base:
    return Base.load(runtime=runtime, threads=threads)


def windows(base: Base) -> list[NDArray[np.int32]]:
    ids = base.encode(" ".join(SENTENCES) * 12).ids
    lengths = (256, 200, 31, 7, 1, 129)
    return [ids[i : i + n] for i, n in enumerate(lengths)]


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    normal: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return normal


@INSTALLED
def test_int8_means_what_the_original_model_means(runtime: Name) -> None:
    base = load(runtime)
    pooled = unit(np.stack([base.embed_query(text)[1].mean(axis=0) for text in SENTENCES]))
    assert np.abs(pooled @ pooled.T - np.array(ORIGINAL)).max() < 0.04


def test_both_runtimes_agree() -> None:
    if set(available()) != set(RUNTIMES):
        pytest.skip("one runtime is installed")
    one, other = load("openvino"), load("onnxruntime")
    for ids in windows(one):
        cosines = (unit(one.read(ids)) * unit(other.read(ids))).sum(axis=1)
        assert cosines.min() > 0.97
        assert cosines.mean() > 0.99


@INSTALLED
def test_states_depend_on_the_window_alone(runtime: Name) -> None:
    alone = load(runtime, 1)
    many = load(runtime, 2)
    parts = windows(alone)
    expected = [alone.read(ids) for ids in parts]
    shuffled = [4, 0, 2, 5, 1, 3] * 2
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: many.read(parts[i]), shuffled))
    for i, states in zip(shuffled, found, strict=True):
        assert states.tobytes() == expected[i].tobytes()


@INSTALLED
def test_one_state_per_content_token(runtime: Name) -> None:
    base = load(runtime)
    for count in (0, 1, 2, base.window):
        states = base.read(np.full(count, 2000, np.int32))
        assert states.shape == (count, base.width)
        assert states.dtype == np.float32
        assert np.isfinite(states).all()
    with pytest.raises(ValueError, match="at most 256 tokens, got 257"):
        base.read(np.zeros(257, np.int32))


@INSTALLED
def test_a_result_outlives_the_next_read(runtime: Name) -> None:
    base = load(runtime)
    first = base.read(np.array([2000, 2001], np.int32))
    before = first.copy()
    base.read(np.array([3000, 3001], np.int32))
    assert (first == before).all()


def test_a_long_query_is_shortened_to_its_ends_and_says_so() -> None:
    base = load(available()[0])
    ids, states, shortened = base.embed_query("first " + "word " * 1000 + "last")
    assert shortened
    assert len(ids) == len(states) == base.window
    assert base.vocabulary[ids[0]] == "first"
    assert base.vocabulary[ids[-1]] == "last"
    assert base.embed_query("short")[2] is False
    assert base.embed_query("")[1].shape == (0, base.width)


def test_the_name_tells_weights_apart() -> None:
    base = load(available()[0])
    assert base.name.startswith("minilm-l6-int8-")
    assert len(base.name.rpartition("-")[2]) == 8


WATCH = """
import sys
seen = []
def hook(event, arguments):
    if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
        seen.append(event)
sys.addaudithook(hook)
import numpy as np
from cprs.critics.embedded_base import Base
Base.load(runtime=sys.argv[1], threads=1).embed_query("Who chaired the meeting?")
telemetry = sorted(name for name in sys.modules if "telemetry" in name and "stub" not in name
                   and "utils" not in name and "params" not in name)
print(seen, telemetry)
"""


@INSTALLED
def test_nothing_phones_home(runtime: Name) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCH, runtime], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[] []", done.stderr


def test_the_watch_would_see_a_connection() -> None:
    code = WATCH.replace(
        "import numpy as np", "import socket\nsocket.socket().connect_ex(('127.0.0.1', 9))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, available()[0]], capture_output=True, text=True, timeout=120
    )
    assert "socket.connect" in done.stdout


@INSTALLED
def test_a_file_that_is_no_model_is_named(runtime: Name, tmp_path: Path) -> None:
    path = tmp_path / "base.onnx"
    path.write_bytes(b"no model at all")
    with pytest.raises(WeightsError, match=f"{runtime} cannot run .*base.onnx") as caught:
        open_runtime(path, runtime, threads=1)
    assert "\n" not in str(caught.value)


def test_a_runtime_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "available", lambda: ("onnxruntime",))
    with pytest.raises(WeightsError, match="pip install openvino"):
        Base.load(runtime="openvino")
    monkeypatch.setattr(runtimes, "available", lambda: ())
    with pytest.raises(WeightsError, match="no runtime"):
        Base.load()
