"""A BERT encoder as an ONNX graph: token ids of one window in, last hidden states out.

The graph is written node by node, not traced, so it holds exactly what one window of its own
length needs: no mask, no batch, no token types, query, key and value in one multiplication.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cprs.train.export.graph import Floats, GraphWriter, Int8Linear, Linear, Norm


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
    return _Writer(bert, int8, taps=taps).encoder()


class _Writer(GraphWriter):
    def __init__(self, bert: Bert, int8: Mapping[str, Int8Linear] | None, *, taps: bool) -> None:
        super().__init__(bert.linears, int8, taps=taps)
        self._bert = bert

    def encoder(self) -> Any:
        bert = self._bert
        epsilon = bert.epsilon
        x = self.norm(self._embed(), bert.norm, "embeddings", epsilon=epsilon)
        for i in range(bert.layers):
            qkv = self.split_heads(self.linear(x, f"{i}.qkv"), heads=bert.heads, width=bert.width)
            a = self.linear(self.attend(*qkv, width=bert.width), f"{i}.out")
            name = f"{i}.attention"
            x = self.norm(self.do("Add", x, a), bert.norms[name], name, epsilon=epsilon)
            f = self.linear(self.do("Gelu", self.linear(x, f"{i}.up")), f"{i}.down")
            name, last = f"{i}.output", i == bert.layers - 1
            x = self.norm(
                self.do("Add", x, f),
                bert.norms[name],
                name,
                epsilon=epsilon,
                result="states" if last else None,
            )
        ids = self.value("ids", [1, "t"], integer=True)
        return self.model("base", [ids], [self.value(x, [1, "t", bert.width])])

    def _embed(self) -> str:
        words = self._bert.words
        if self.int8 is None:
            vectors = self.do("Gather", self.constant("words", words), "ids")
        else:
            scale = np.maximum(np.abs(words).max(axis=1, keepdims=True), 1e-12) / np.float32(127)
            codes = np.rint(words / scale).astype(np.int8)
            # Rows first, numbers later: the whole table is never turned into floats.
            rows = self.do("Gather", self.constant("words", codes), "ids")
            floats = self.do("Cast", rows, to=self.onnx.TensorProto.FLOAT)
            scales = self.do("Gather", self.constant("words_scale", scale), "ids")
            vectors = self.do("Mul", floats, scales)
        length = self.do("Shape", "ids", start=1, end=2)
        places = self.do(
            "Slice",
            self.constant("places", self._bert.places),
            self.integers(0),
            length,
            self.integers(0),
        )
        return self.do("Add", vectors, places)
