"""Runtimes: the libraries that run a weights file on a CPU. Both read the same ONNX file.

Every inference is one window on one thread, with as many windows side by side as there are
threads. The order of additions is then fixed by the window alone, so its result does not
depend on how many threads there are or what else is running.
"""

from __future__ import annotations

import importlib
import importlib.util
import queue
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cprs.errors import WeightsError

RuntimeName = Literal["auto", "openvino", "onnxruntime"]
RUNTIMES = ("openvino", "onnxruntime")


class Runtime(Protocol):
    """A model ready to run: its inputs, in their order in the file, to its one output."""

    @property
    def name(self) -> str:
        """What runs it, with its version."""
        ...

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Read one window. Thread-safe; the result is the caller's own."""
        ...


def available() -> tuple[str, ...]:
    """The runtimes installed here, the fastest on this CPU first.

    OpenVINO leads where the CPU multiplies int8 natively; where it does not, OpenVINO's int8 is
    slower than its float32, and ONNX Runtime is 1.8 times as fast (docs/critic.md).
    """
    order = RUNTIMES if _multiplies_int8(Path("/proc/cpuinfo")) else RUNTIMES[::-1]
    return tuple(name for name in order if importlib.util.find_spec(name) is not None)


def open_runtime(path: Path, runtime: RuntimeName, *, threads: int) -> Runtime:
    """Load the ONNX file at `path`; at most `threads` windows are read at the same time.

    Raises `WeightsError` where the runtime is not installed or cannot read the file.
    """
    names = available()
    if runtime != "auto" and runtime not in names:
        raise WeightsError(
            f"runtime {runtime!r} is not installed; run: pip install {runtime}"
            f" (installed: {', '.join(names) or 'none'})"
        )
    if not names:
        raise WeightsError("no runtime for the embedded critic; run: pip install openvino")
    name = names[0] if runtime == "auto" else runtime
    try:
        return (OpenVINO if name == "openvino" else OnnxRuntime)(path, threads=threads)
    except Exception as error:  # ONNX Runtime's errors have no base of their own
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise WeightsError(f"{name} cannot run {path}: {reason[-1]}") from error


class OpenVINO:
    """OpenVINO on the CPU: one stream per thread, one thread per stream."""

    def __init__(self, path: Path, *, threads: int) -> None:
        openvino = _import_openvino()
        self.name = f"openvino {openvino.__version__.split('-')[0]}"
        core = openvino.Core()
        options = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
            # Full float32 where the file is not int8: the fastest type is bfloat16 on some
            # CPUs, with results that differ between machines by more than rounding.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        self._model = core.compile_model(str(path), "CPU", options)
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(threads):
            self._requests.put(self._model.create_infer_request())

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        request = self._requests.get()
        try:
            request.infer(dict(enumerate(inputs)), share_inputs=True)
            states: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
        finally:
            self._requests.put(request)
        return states


class OnnxRuntime:
    """ONNX Runtime on the CPU: each calling thread runs its own window."""

    def __init__(self, path: Path, *, threads: int) -> None:
        onnxruntime = importlib.import_module("onnxruntime")
        onnxruntime.disable_telemetry_events()
        self.name = f"onnxruntime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = [given.name for given in self._session.get_inputs()]

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        given = dict(zip(self._inputs, inputs, strict=True))
        states: NDArray[np.float32] = self._session.run(None, given)[0]
        return states


def _import_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which otherwise reports every import."""
    hidden = "openvino" not in sys.modules and "openvino_telemetry" not in sys.modules
    if hidden:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # "not importable"
    try:
        return importlib.import_module("openvino")
    finally:
        if hidden:
            del sys.modules["openvino_telemetry"]


def _multiplies_int8(path: Path) -> bool:
    """Whether the CPU has int8 dot products, by Linux's `cpuinfo`; taken for granted elsewhere."""
    try:
        with path.open(encoding="utf-8") as lines:
            flags = next((line for line in lines if line.startswith("flags")), None)
    except OSError:
        return True
    return flags is None or bool({"avx512_vnni", "avx_vnni", "amx_int8"} & set(flags.split()))
