"""The reasoning layers as an ONNX graph: one window under one prompt in, what each token says out.

Written from the trained weights; the passages' pooling and the prior are added by
`cprs.critics.layers`, where the same numbers come from either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cprs.critics.layers import INPUTS, LONGEST
from cprs.train.export.graph import Floats, GraphWriter, Int8Linear, Linear, Norm

EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Layers:
    """The weights of `cprs.train.reason.reasoner.Reasoner`, by what they do. `linears` are
    "enter" and "<layer>.<site>" (`qkv` with 1/sqrt(head) in the query's part, `out`, `up`,
    `down`); `norms` "<layer>.attention", "<layer>.mlp" and "last"."""

    linears: Mapping[str, Linear]
    norms: Mapping[str, Norm]
    segments: Floats  # (2, w)
    tokens: Floats  # (k, w)
    passages: Floats  # (f + 1, w)
    heads: Linear  # (w, 7): evidence, attention, B, I, O, E, outside
    labels: Linear  # (w, d)
    kinds: Linear  # (d, d)
    layers: int
    attention_heads: int

    @property
    def width(self) -> int:
        """Size of a state in the layers."""
        return int(self.segments.shape[1])


def from_reasoner(arrays: Mapping[str, Floats], *, layers: int, heads: int) -> Layers:
    """Read a reasoner's weights by the names torch gives them."""
    width = arrays["segments.weight"].shape[1]
    shrink = np.ones(3 * width, np.float32)
    shrink[:width] = 1 / math.sqrt(width // heads)

    def linear(name: str) -> Linear:
        weight = np.ascontiguousarray(arrays[f"{name}.weight"].T)
        bias = arrays.get(f"{name}.bias")
        return Linear(weight, np.zeros(weight.shape[1], np.float32) if bias is None else bias)

    def norm(name: str) -> Norm:
        return Norm(arrays[f"{name}.weight"], arrays[f"{name}.bias"])

    linears = {"enter": linear("enter")}
    norms = {"last": norm("norm")}
    for i in range(layers):
        qkv = linear(f"layers.{i}.qkv")
        linears[f"{i}.qkv"] = Linear(qkv.weight * shrink, qkv.bias * shrink)
        for site in ("out", "up", "down"):
            linears[f"{i}.{site}"] = linear(f"layers.{i}.{site}")
        norms[f"{i}.attention"] = norm(f"layers.{i}.before_attention")
        norms[f"{i}.mlp"] = norm(f"layers.{i}.before_mlp")
    said = [linear(name) for name in ("evidence", "attention", "tags", "outside")]
    return Layers(
        linears=linears,
        norms=norms,
        segments=arrays["segments.weight"],
        tokens=np.ascontiguousarray(arrays["enter_tokens.weight"].T),
        passages=np.ascontiguousarray(arrays["enter_passages.weight"].T),
        heads=Linear(
            np.concatenate([one.weight for one in said], axis=1),
            np.concatenate([one.bias for one in said]),
        ),
        labels=linear("labels"),
        kinds=linear("kinds"),
        layers=layers,
        attention_heads=heads,
    )


def to_onnx(
    layers: Layers, int8: Mapping[str, Int8Linear] | None = None, *, taps: bool = False
) -> Any:
    """The layers as an ONNX `ModelProto`.

    `prompt` (1, q, d), `prompt_tokens` (1, q, k), `window` (1, t, d), `window_tokens` (1, t, k),
    `passages` (1, t, f + 1), each token's passage's features, and `labels` (1, L, d), L at least
    1, to `said` (1, t, 7 + L) float32.
    """
    return _Writer(layers, int8, taps=taps).reasoner()


class _Writer(GraphWriter):
    def __init__(
        self, layers: Layers, int8: Mapping[str, Int8Linear] | None, *, taps: bool
    ) -> None:
        super().__init__(layers.linears, int8, taps=taps)
        self._layers = layers

    def reasoner(self) -> Any:
        layers, width = self._layers, self._layers.width
        asked, x = self._enter()
        turns = [self._turn(axis) for axis in ("cosine", "sine")]
        for i in range(layers.layers):
            normed = self.norm(x, layers.norms[f"{i}.attention"], f"{i}.attention", epsilon=EPSILON)
            q, k, v = self.split_heads(
                self.linear(normed, f"{i}.qkv"), heads=layers.attention_heads, width=width
            )
            q, k = self._rotate(q, turns), self._rotate(k, turns)
            if i == layers.layers - 1:
                # Nobody reads the prompt's tokens after the last layer.
                q, x = self._after(q, asked, axis=2), self._after(x, asked, axis=1)
            out = self.linear(self.attend(q, k, v, width=width), f"{i}.out")
            x = self.do("Add", x, out)
            normed = self.norm(x, layers.norms[f"{i}.mlp"], f"{i}.mlp", epsilon=EPSILON)
            up = self.do("Gelu", self.linear(normed, f"{i}.up"))
            x = self.do("Add", x, self.linear(up, f"{i}.down"))
        x = self.norm(x, layers.norms["last"], "last", epsilon=EPSILON)
        said = self._plain(x, "heads", layers.heads)
        meant = self.do(
            "Add",
            self._plain(x, "labels_head", layers.labels),
            self._plain("window", "kinds_head", layers.kinds),
        )
        named = self.do("MatMul", meant, self.do("Transpose", "labels", perm=[0, 2, 1]))
        said = self.do("Concat", said, named, axis=2, result="said")
        states, known = len(layers.linears["enter"].weight), len(layers.tokens)
        sizes = (("q", states), ("q", known), ("t", states), ("t", known))
        shapes: list[list[int | str]] = [
            [1, *size] for size in (*sizes, ("t", len(layers.passages)), ("l", states))
        ]
        return self.model(
            "reasoner",
            [self.value(name, shape) for name, shape in zip(INPUTS, shapes, strict=True)],
            [self.value(said, [1, "t", "said"])],
        )

    def _enter(self) -> tuple[str, str]:
        """The prompt's length, and prompt and window side by side (1, q + t, w)."""
        layers = self._layers
        states = self.linear(self.do("Concat", "prompt", "window", axis=1), "enter")
        known = self.do(
            "MatMul",
            self.do("Concat", "prompt_tokens", "window_tokens", axis=1),
            self.constant("tokens", layers.tokens),
        )
        passages = self.do("MatMul", "passages", self.constant("passages_in", layers.passages))
        one, other = (
            self.constant(f"segment_{i}", layers.segments[i][None, None]) for i in range(2)
        )
        # What the window alone has, with the prompt's part in front of it.
        asked = self.do("Shape", "prompt", start=1, end=2)
        width = self.integers(layers.width)
        before = self.do("Concat", self.integers(1), asked, width, axis=0)
        front = self.do("Expand", one, before)
        apart = self.do("Concat", front, self.do("Add", passages, other), axis=1)
        return asked, self.do("Add", self.do("Add", states, known), apart)

    def _turn(self, axis: str) -> str:
        """Cosines or sines (q + t, head) of the positions; prompt and window each count from 0."""
        size = self._layers.width // self._layers.attention_heads
        steps = np.arange(0, size, 2, dtype=np.float32) / size
        angle = np.arange(LONGEST, dtype=np.float32)[:, None] * 10_000.0**-steps
        angle = np.concatenate([angle, angle], axis=1)
        values = np.cos(angle) if axis == "cosine" else np.sin(angle)
        table = self.constant(axis, values.astype(np.float32))
        parts = []
        for name in ("prompt", "window"):
            count = self.do("Shape", name, start=1, end=2)
            parts.append(self.do("Slice", table, self.integers(0), count, self.integers(0)))
        return self.do("Concat", *parts, axis=0)

    def _rotate(self, x: str, turns: list[str]) -> str:
        size = self._layers.width // self._layers.attention_heads
        last, half = self.integers(3), self.integers(size // 2)
        left = self.do("Slice", x, self.integers(0), half, last)
        right = self.do("Slice", x, half, self.integers(size), last)
        crossed = self.do("Concat", self.do("Neg", right), left, axis=3)
        return self.do("Add", self.do("Mul", x, turns[0]), self.do("Mul", crossed, turns[1]))

    def _after(self, x: str, start: str, *, axis: int) -> str:
        end = self.constant("end", np.array([np.iinfo(np.int64).max], np.int64))
        return self.do("Slice", x, start, end, self.integers(axis))

    def _plain(self, x: str, name: str, linear: Linear) -> str:
        weight = self.constant(f"{name}.weight", linear.weight)
        return self.do(
            "Add", self.do("MatMul", x, weight), self.constant(f"{name}.bias", linear.bias)
        )
