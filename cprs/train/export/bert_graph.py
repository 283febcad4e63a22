"""A BERT encoder as an ONNX graph: token ids of one window in, last hidden states out.

The graph is written node by node, not traced, so it holds exactly what one window of its own
length needs: no mask, no batch, no token types, query, key and value in one multiplication.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Bert:
    """An encoder's tensors. `linears` are named "<layer>.<site>", the sites of a layer being
    `qkv` (with 1/sqrt(head) in the query's part), `out`, `up`, `down`; `norms` are
    "<layer>.attention" and "<layer>.output"."""

    words: Floats  # (vocabulary, width)
    places: Floats  # (positions, width), the one token type's vector included
    norm: Norm
    linears: Mapping[str, Linear]
    norms: Mapping[str, Norm]
    layers: int
    heads: int
    epsilon: float

    @property
    def width(self) -> int:
        """Size of a state."""
        return int(self.words.shape[1])


SITES = ("qkv", "out", "up", "down")


def from_checkpoint(tensors: Mapping[str, Floats], config: Mapping[str, Any]) -> Bert:
    """Read a BertModel checkpoint by the names `transformers` gives its tensors.

    Raises `KeyError` with the name of a tensor or setting that is not there.
    """
    layers, heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
    shrink = np.float32(1 / math.sqrt(int(config["hidden_size"]) // heads))

    def linear(name: str) -> Linear:
        weight = np.ascontiguousarray(tensors[f"{name}.weight"].T)
        return Linear(weight, tensors[f"{name}.bias"])

    def norm(name: str) -> Norm:
        return Norm(tensors[f"{name}.LayerNorm.weight"], tensors[f"{name}.LayerNorm.bias"])

    linears: dict[str, Linear] = {}
    norms: dict[str, Norm] = {}
    for i in range(layers):
        at = f"encoder.layer.{i}"
        query = linear(f"{at}.attention.self.query")
        parts = [
            Linear(query.weight * shrink, query.bias * shrink),
            linear(f"{at}.attention.self.key"),
            linear(f"{at}.attention.self.value"),
        ]
        linears[f"{i}.qkv"] = Linear(
            np.concatenate([part.weight for part in parts], axis=1),
            np.concatenate([part.bias for part in parts]),
        )
        linears[f"{i}.out"] = linear(f"{at}.attention.output.dense")
        linears[f"{i}.up"] = linear(f"{at}.intermediate.dense")
        linears[f"{i}.down"] = linear(f"{at}.output.dense")
        norms[f"{i}.attention"] = norm(f"{at}.attention.output")
        norms[f"{i}.output"] = norm(f"{at}.output")
    return Bert(
        words=tensors["embeddings.word_embeddings.weight"],
        places=tensors["embeddings.position_embeddings.weight"]
        + tensors["embeddings.token_type_embeddings.weight"][0],
        norm=norm("embeddings"),
        linears=linears,
        norms=norms,
        layers=layers,
        heads=heads,
        epsilon=float(config["layer_norm_eps"]),
    )


def to_onnx(bert: Bert, int8: Mapping[str, Int8Linear] | None = None, *, taps: bool = False) -> Any:
    """The encoder as an ONNX `ModelProto`: `ids` (1, t) int64 to `states` (1, t, width) float32.

    With `int8`, linears are written as quantise-dequantise pairs, which runtimes execute in
    integers, and word vectors as int8 rows with a scale each. With `taps`, every linear's
    input is an output too, named like the linear (for calibration).
    """
    return _Writer(bert, int8, taps=taps).model()


class _Writer:
    def __init__(self, bert: Bert, int8: Mapping[str, Int8Linear] | None, *, taps: bool) -> None:
        self._onnx = importlib.import_module("onnx")
        self._bert, self._int8, self._taps = bert, int8, taps
        self._nodes: list[Any] = []
        self._constants: dict[str, NDArray[Any]] = {}

    def model(self) -> Any:
        bert, helper, types = self._bert, self._onnx.helper, self._onnx.TensorProto
        x = self._norm(self._embed(), bert.norm, "embeddings")
        for i in range(bert.layers):
            a = self._linear(self._attend(self._linear(x, f"{i}.qkv")), f"{i}.out")
            x = self._norm(self._do("Add", x, a), bert.norms[f"{i}.attention"], f"{i}.attention")
            f = self._linear(self._do("Gelu", self._linear(x, f"{i}.up")), f"{i}.down")
            last = i == bert.layers - 1
            x = self._norm(
                self._do("Add", x, f),
                bert.norms[f"{i}.output"],
                f"{i}.output",
                result="states" if last else None,
            )
        outputs = [helper.make_tensor_value_info(x, types.FLOAT, [1, "t", bert.width])]
        if self._taps:
            outputs += [
                helper.make_tensor_value_info(name, types.FLOAT, [1, "t", linear.weight.shape[0]])
                for name, linear in bert.linears.items()
            ]
        graph = helper.make_graph(
            self._nodes,
            "base",
            [helper.make_tensor_value_info("ids", types.INT64, [1, "t"])],
            outputs,
            [self._onnx.numpy_helper.from_array(v, name=k) for k, v in self._constants.items()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=9,
            producer_name="cprs",
        )
        self._onnx.checker.check_model(model)
        return model

    def _do(self, op: str, *inputs: str, result: str | None = None, **attributes: Any) -> str:
        name = result or f"{op}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants[name] = value
        return name

    def _integers(self, *values: int) -> str:
        name = "integers_" + "_".join(str(v).replace("-", "m") for v in values)
        return self._constant(name, np.array(values, np.int64))

    def _embed(self) -> str:
        words = self._bert.words
        if self._int8 is None:
            vectors = self._do("Gather", self._constant("words", words), "ids")
        else:
            scale = np.maximum(np.abs(words).max(axis=1, keepdims=True), 1e-12) / np.float32(127)
            codes = np.rint(words / scale).astype(np.int8)
            # Rows first, numbers later: the whole table is never turned into floats.
            rows = self._do("Gather", self._constant("words", codes), "ids")
            floats = self._do("Cast", rows, to=self._onnx.TensorProto.FLOAT)
            scales = self._do("Gather", self._constant("words_scale", scale), "ids")
            vectors = self._do("Mul", floats, scales)
        length = self._do("Shape", "ids", start=1, end=2)
        places = self._do(
            "Slice",
            self._constant("places", self._bert.places),
            self._integers(0),
            length,
            self._integers(0),
        )
        return self._do("Add", vectors, places)

    def _norm(self, x: str, norm: Norm, name: str, *, result: str | None = None) -> str:
        return self._do(
            "LayerNormalization",
            x,
            self._constant(f"{name}.scale", norm.scale),
            self._constant(f"{name}.shift", norm.shift),
            axis=-1,
            epsilon=self._bert.epsilon,
            result=result,
        )

    def _linear(self, x: str, name: str) -> str:
        if self._taps:
            x = self._do("Identity", x, result=name)
        if self._int8 is None:
            linear = self._bert.linears[name]
            weight = self._constant(f"{name}.weight", linear.weight)
            bias = linear.bias
        else:
            quantised = self._int8[name]
            if quantised.inverse is not None:
                x = self._do("Mul", x, self._constant(f"{name}.inverse", quantised.inverse))
            pair = (
                self._constant(f"{name}.scale", np.array(quantised.scale, np.float32)),
                self._constant(f"{name}.zero", np.array(quantised.zero, np.uint8)),
            )
            x = self._do("DequantizeLinear", self._do("QuantizeLinear", x, *pair), *pair)
            weight = self._do(
                "DequantizeLinear",
                self._constant(f"{name}.weight", quantised.weight),
                self._constant(f"{name}.weight_scale", quantised.weight_scale),
                self._constant(
                    f"{name}.weight_zero", np.zeros(quantised.weight_scale.shape, np.int8)
                ),
                axis=1,
            )
            bias = quantised.bias
        return self._do("Add", self._do("MatMul", x, weight), self._constant(f"{name}.bias", bias))

    def _attend(self, qkv: str) -> str:
        heads, width = self._bert.heads, self._bert.width
        split = self._do(
            "Transpose",
            self._do("Reshape", qkv, self._integers(1, -1, 3, heads, width // heads)),
            perm=[2, 0, 3, 1, 4],
        )
        q, k, v = (
            self._do("Gather", split, self._constant(f"part_{i}", np.array(i, np.int64)), axis=0)
            for i in range(3)
        )
        scores = self._do("MatMul", q, self._do("Transpose", k, perm=[0, 1, 3, 2]))
        mixed = self._do("MatMul", self._do("Softmax", scores, axis=-1), v)
        merged = self._do("Transpose", mixed, perm=[0, 2, 1, 3])
        return self._do("Reshape", merged, self._integers(1, -1, width))
