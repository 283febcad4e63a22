"""What a hybrid is made of, read from a Hugging Face `config.json` of the Qwen family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cprs.critics.hybrid.kind import CONFIG, read_config
from cprs.critics.hybrid.rope import Rope
from cprs.errors import OptionError, WeightsError
from cprs.labels import TAGS

PREFIXES = ("exact", "frozen")
WINDOW = 8192
"""Tokens that the published checkpoint reads at once, its prompt among them."""
_FROM = 21
"""The first bidirectional layer of the published code, where no configuration names another."""
_FROM_NAMES = ("bidirectional_from", "bidirectional_start", "BiLLM_START_INDEX")
_FORMAT = 1
_TYPES = {"float32", "float16", "bfloat16"}


@dataclass(frozen=True, slots=True)
class HybridConfig:
    """A hybrid's shape.

    `vocabulary` v, `width` h, `feed` f, `layers`, `heads` and `key_heads` of `head_width` d each.
    `qkv_bias`: Qwen2's; `head_norms`: Qwen3's norms of queries and keys. `tied`: the LM head is
    the embeddings. Layers from `bidirectional_from` on look both ways. `prefix`: what the prompt
    may see there, the window too ("exact") or itself alone ("frozen"). `window`: tokens of prompt
    and content at most; `positions`: as many as the rotary positions reach. `dtype`: of the
    weights, as stored. `trained`: written by `cprs train critic`. `probe_layers`: causal ones below
    a probe, 0 where there is none.
    """

    family: str
    vocabulary: int
    width: int
    feed: int
    layers: int
    heads: int
    key_heads: int
    head_width: int
    epsilon: float
    rope: Rope
    positions: int
    qkv_bias: bool
    head_norms: bool
    tied: bool
    bidirectional_from: int
    prefix: str
    window: int
    dtype: str
    trained: bool
    probe_layers: int = 0

    @classmethod
    def read(cls, folder: Path, *, window: int | None = None) -> HybridConfig:
        """The configuration in `folder`; `window` takes the place of what it says or leaves open.

        Raises `WeightsError` where something is missing or of another version, `OptionError` for
        another family of models and for a window larger than the model's positions.
        """
        given, where = read_config(folder), folder / CONFIG
        _check(given, where)
        heads, layers = _number(given, "num_attention_heads", where), given["num_hidden_layers"]
        qwen3 = given["model_type"] == "qwen3"
        rope = Rope.of(given, where=str(where))
        positions = rope.reach(given["max_position_embeddings"])
        config = cls(
            family=given["model_type"],
            vocabulary=given["vocab_size"],
            width=given["hidden_size"],
            feed=_number(given, "intermediate_size", where),
            layers=layers,
            heads=heads,
            key_heads=_number(given, "num_key_value_heads", where, default=heads),
            head_width=_number(given, "head_dim", where, default=given["hidden_size"] // heads),
            epsilon=float(given.get("rms_norm_eps", 1e-6)),
            rope=rope,
            positions=positions,
            qkv_bias=not qwen3,
            head_norms=qwen3,
            tied=bool(given.get("tie_word_embeddings", False)),
            bidirectional_from=_from(given, layers, where),
            prefix=given.get("prefix", "exact"),
            window=_number(given, "window", where, default=WINDOW) if window is None else window,
            dtype=str(given.get("dtype") or given.get("torch_dtype") or "float32"),
            trained="cprs_format" in given,
            probe_layers=_number(given, "probe_layers", where, default=0, least=0),
        )
        config._check(where)
        return config

    @property
    def group(self) -> int:
        """Query heads that share one head of keys."""
        return self.heads // self.key_heads

    def _check(self, where: Path) -> None:
        if self.heads % self.key_heads:
            raise WeightsError(
                f"{where}: {self.heads} heads do not share {self.key_heads} heads of keys evenly"
            )
        if self.head_width % 2:
            raise WeightsError(f"{where}: head_dim is {self.head_width}, but must be even")
        if self.prefix not in PREFIXES:
            raise WeightsError(f"{where}: prefix is {self.prefix!r}; known: {', '.join(PREFIXES)}")
        if self.probe_layers > min(self.bidirectional_from, self.layers - 1):
            raise WeightsError(
                f"{where}: probe_layers is {self.probe_layers}, but a probe stands behind causal"
                f" layers, of which there are {self.bidirectional_from} of {self.layers}"
            )
        if self.dtype not in _TYPES:
            raise WeightsError(f"{where}: weights of {self.dtype} are not supported")
        if self.window < 16:
            raise OptionError(f"window is {self.window}: it must hold a prompt, 16 tokens at least")
        if self.window > self.positions:
            raise OptionError(
                f"window is {self.window}, but the model in {where.parent} has {self.positions}"
                f" positions: give window={self.positions} or less"
            )


def _check(given: Mapping[str, Any], where: Path) -> None:
    """What this code does not compute, or would compute wrongly."""
    if given.get("cprs_format", _FORMAT) != _FORMAT:
        raise WeightsError(f"{where} is of another version; train it again")
    for name in ("bidirectional_from", "window", "prefix") if "cprs_format" in given else ():
        if name not in given:
            raise WeightsError(f"{where} has no {name}; train it again")
    if given.get("hidden_act", "silu") != "silu":
        raise WeightsError(f"{where}: hidden_act {given['hidden_act']!r} is not supported")
    if given["model_type"] == "qwen3" and given.get("attention_bias"):
        raise WeightsError(f"{where}: attention_bias is not supported")
    if given.get("quantization_config"):
        raise WeightsError(
            f"{where}: weights that are already quantised are not supported: take the ones in"
            " bfloat16, and dtype='fp8' to have them quantised"
        )
    named = given.get("id2label")
    order = list(named.values()) if isinstance(named, dict) else []
    if sorted(map(str, order)) == sorted(TAGS) and order != list(TAGS):
        raise WeightsError(f"{where}: tags are in the order {order}, but must be in {list(TAGS)}")


def _from(given: Mapping[str, Any], layers: int, where: Path) -> int:
    """The first bidirectional layer; the number of layers where there is none."""
    first = next((given[name] for name in _FROM_NAMES if given.get(name) is not None), _FROM)
    if not isinstance(first, int) or not -1 <= first <= layers:
        raise WeightsError(
            f"{where}: bidirectional_from is {first!r}, but there are {layers} layers: give"
            " the number of the first one that looks both ways"
        )
    return layers if first == -1 else first


def _number(
    given: Mapping[str, Any], name: str, where: Path, *, default: int | None = None, least: int = 1
) -> int:
    found = given.get(name)
    found = default if found is None else found
    if not isinstance(found, int) or found < least:
        raise WeightsError(f"{where}: {name} is not a number")
    return found
