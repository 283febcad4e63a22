"""ONNX graphs written node by node: what encoders are made of, in float32 or int8."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
OPSET = 20


@dataclass(frozen=True, slots=True)
class Linear:
    """y = x W + b. `weight` (n, m), `bias` (m,)."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Int8Linear:
    """y = dequantise(quantise(x * inverse)) dequantise(weight) + bias.

    `weight` (n, m) int8 with `weight_scale` (m,); the input is divided by the smoothing vector
    (`inverse` (n,) holds its reciprocals, None where it is folded into what comes before) and
    becomes uint8 by one `scale` and `zero`.
    """

    weight: NDArray[np.int8]
    weight_scale: Floats
    bias: Floats
    inverse: Floats | None
    scale: np.float32
    zero: np.uint8


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation: `scale` and `shift` (width,)."""

    scale: Floats
    shift: Floats


class GraphWriter:
    """Collects nodes and constants. With `int8`, linears are written as quantise-dequantise pairs,
    which runtimes execute in integers. With `taps`, every linear's input has the linear's name."""

    def __init__(
        self,
        linears: Mapping[str, Linear],
        int8: Mapping[str, Int8Linear] | None = None,
        *,
        taps: bool = False,
    ) -> None:
        self.onnx = importlib.import_module("onnx")
        self.int8 = int8
        self._linears = linears
        self._taps = taps
        self._nodes: list[Any] = []
        self._constants: dict[str, NDArray[Any]] = {}

    def model(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        """The checked `ModelProto` of all that was written; `inputs` and `outputs` from `value`."""
        helper = self.onnx.helper
        outputs = [*outputs]
        if self._taps:
            outputs += [
                self.value(name, [1, f"{name} rows", linear.weight.shape[0]])
                for name, linear in self._linears.items()
            ]
        graph = helper.make_graph(
            self._nodes,
            name,
            [*inputs],
            outputs,
            [self.onnx.numpy_helper.from_array(v, name=k) for k, v in self._constants.items()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=9,
            producer_name="cprs",
        )
        self.onnx.checker.check_model(model)
        return model

    def value(self, name: str, shape: Sequence[int | str], *, integer: bool = False) -> Any:
        """An input or output: float32, or int64."""
        types = self.onnx.TensorProto
        kind = types.INT64 if integer else types.FLOAT
        return self.onnx.helper.make_tensor_value_info(name, kind, list(shape))

    def do(self, op: str, *inputs: str, result: str | None = None, **attributes: Any) -> str:
        """Add a node; returns the name of its output."""
        name = result or f"{op}_{len(self._nodes)}"
        self._nodes.append(self.onnx.helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a constant; returns its name."""
        self._constants[name] = value
        return name

    def integers(self, *values: int) -> str:
        """A vector of whole numbers."""
        name = "integers_" + "_".join(str(v).replace("-", "m") for v in values)
        return self.constant(name, np.array(values, np.int64))

    def norm(
        self, x: str, norm: Norm, name: str, *, epsilon: float, result: str | None = None
    ) -> str:
        """Layer normalisation over the last axis."""
        return self.do(
            "LayerNormalization",
            x,
            self.constant(f"{name}.scale", norm.scale),
            self.constant(f"{name}.shift", norm.shift),
            axis=-1,
            epsilon=epsilon,
            result=result,
        )

    def linear(self, x: str, name: str) -> str:
        """The linear of that name, in int8 if it is there."""
        if self._taps:
            x = self.do("Identity", x, result=name)
        if self.int8 is None:
            linear = self._linears[name]
            weight = self.constant(f"{name}.weight", linear.weight)
            bias = linear.bias
        else:
            quantised = self.int8[name]
            if quantised.inverse is not None:
                x = self.do("Mul", x, self.constant(f"{name}.inverse", quantised.inverse))
            pair = (
                self.constant(f"{name}.scale", np.array(quantised.scale, np.float32)),
                self.constant(f"{name}.zero", np.array(quantised.zero, np.uint8)),
            )
            x = self.do("DequantizeLinear", self.do("QuantizeLinear", x, *pair), *pair)
            weight = self.do(
                "DequantizeLinear",
                self.constant(f"{name}.weight", quantised.weight),
                self.constant(f"{name}.weight_scale", quantised.weight_scale),
                self.constant(
                    f"{name}.weight_zero", np.zeros(quantised.weight_scale.shape, np.int8)
                ),
                axis=1,
            )
            bias = quantised.bias
        return self.do("Add", self.do("MatMul", x, weight), self.constant(f"{name}.bias", bias))

    def split_heads(self, qkv: str, *, heads: int, width: int) -> tuple[str, str, str]:
        """Query, key and value (1, heads, t, width / heads) of `qkv` (1, t, 3 width)."""
        split = self.do(
            "Transpose",
            self.do("Reshape", qkv, self.integers(1, -1, 3, heads, width // heads)),
            perm=[2, 0, 3, 1, 4],
        )
        q, k, v = (
            self.do("Gather", split, self.constant(f"part_{i}", np.array(i, np.int64)), axis=0)
            for i in range(3)
        )
        return q, k, v

    def attend(self, q: str, k: str, v: str, *, width: int) -> str:
        """softmax(q kᵀ) v, heads side by side again: (1, t, width). `q` is scaled already."""
        scores = self.do("MatMul", q, self.do("Transpose", k, perm=[0, 1, 3, 2]))
        mixed = self.do("MatMul", self.do("Softmax", scores, axis=-1), v)
        merged = self.do("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.do("Reshape", merged, self.integers(1, -1, width))
