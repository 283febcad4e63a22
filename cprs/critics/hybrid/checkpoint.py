"""A hybrid's weights in a Hugging Face folder: found, checked against its shape, memory-mapped.

Three layouts, told apart by what is there: the published QwenLong-CPRS-7B, what `cprs train critic`
writes, and a plain Qwen2, Qwen2.5 or Qwen3, which has no tag head and so is a base for training.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.kind import CONFIG
from cprs.errors import WeightsError
from cprs.labels import TAGS

INDEX = "model.safetensors.index.json"
HEAD = "cls_head.weight"
LM_HEAD = "lm_head.weight"
PROBE = "probe_head.weight"
_EMBED = "embed_tokens.weight"
_SHOWN = 3
_SAMPLE = 1 << 15
"""Bytes of each tensor's beginning that tell weights apart."""

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a file."""

    path: Path
    name: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The weights in `folder`, none of them read yet. `tensors` by their names within the model:
    those of a Qwen2Model without its prefix, `lm_head.weight`, `cls_head.weight` and `.bias`, and
    `probe_head.weight` and `.bias` where the configuration has a probe.
    `layout`: "published", "trained" or "base"."""

    folder: Path
    config: HybridConfig
    layout: str
    tensors: dict[str, Stored]

    @classmethod
    def open(cls, folder: Path, *, window: int | None = None) -> Checkpoint:
        """Find the weights in `folder`, and check that they fit its configuration.

        Raises `WeightsError`, naming what is missing, unexpected or of another shape, and
        `OptionError` as `HybridConfig.read` does.
        """
        config = HybridConfig.read(folder, window=window)
        tensors = _canonical(_stored(folder))
        found = HEAD in tensors
        layout = ("trained" if config.trained else "published") if found else "base"
        _check(folder, config, tensors)
        return cls(folder, config, layout, tensors)

    def critic(self) -> Checkpoint:
        """Itself, if a critic can be made of it. Raises `WeightsError` without a tag head."""
        if self.layout == "base":
            raise WeightsError(
                f"{self.folder} has no {HEAD}: a plain {self.config.family} has no tag head and is"
                f" no critic yet; train one with: cprs train critic --base {self.folder}"
            )
        return self

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def tensor(self, name: str, *, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
        """One tensor on a device: of its file nothing else is read, and on the CPU nothing is
        copied where the type is the stored one."""
        stored = self.tensors[name]
        try:
            with safe_open(stored.path, framework="pt", device="cpu") as file:
                return file.get_tensor(stored.name).to(device).to(dtype)
        except (SafetensorError, OSError) as error:
            raise _unreadable(stored.path, error) from error

    @property
    def digest(self) -> str:
        """Of the configuration, and of all tensors' names, shapes and beginnings: weights that
        were trained differ in every one of them, and 15 GB need not be read to tell."""
        digest = sha256((self.folder / CONFIG).read_bytes())
        for path in sorted({stored.path for stored in self.tensors.values()}):
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                header = file.read(size)
                digest.update(header)
                for name, about in json.loads(header).items():
                    if name != "__metadata__":
                        start, end = about["data_offsets"]
                        file.seek(8 + size + start)
                        digest.update(file.read(min(end - start, _SAMPLE)))
        return digest.hexdigest()[:16]


def shapes(config: HybridConfig, *, head: bool, lm_head: bool) -> dict[str, Shape]:
    """All tensors that a model of this shape has, with the tag head and the LM head or without."""
    h, f, d = config.width, config.feed, config.head_width
    queries, keys = config.heads * d, config.key_heads * d
    found: dict[str, Shape] = {_EMBED: (config.vocabulary, h), "norm.weight": (h,)}
    for number in range(config.layers):
        at = f"layers.{number}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            found[f"{at}.{name}.weight"] = (h,)
        for name, rows in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
            found[f"{at}.self_attn.{name}.weight"] = (rows, h)
            if config.qkv_bias:
                found[f"{at}.self_attn.{name}.bias"] = (rows,)
        if config.head_norms:
            found[f"{at}.self_attn.q_norm.weight"] = found[f"{at}.self_attn.k_norm.weight"] = (d,)
        found[f"{at}.self_attn.o_proj.weight"] = (h, queries)
        found[f"{at}.mlp.gate_proj.weight"] = found[f"{at}.mlp.up_proj.weight"] = (f, h)
        found[f"{at}.mlp.down_proj.weight"] = (h, f)
    if head:
        found |= {HEAD: (len(TAGS), h), "cls_head.bias": (len(TAGS),)}
    if config.probe_layers:
        found |= {PROBE: (len(TAGS), h), "probe_head.bias": (len(TAGS),)}
    if lm_head:
        found[LM_HEAD] = (config.vocabulary, h)
    return found


def _check(folder: Path, config: HybridConfig, tensors: dict[str, Stored]) -> None:
    # The published inference has no use for an LM head, so it may have been left out.
    expected = shapes(config, head=HEAD in tensors, lm_head=LM_HEAD in tensors)
    wrong = [
        f"{tensors[name].name} is {tensors[name].shape}, expected {shape}"
        for name, shape in expected.items()
        if name in tensors and tensors[name].shape != shape
    ]
    missing = [_published(name) for name in expected if name not in tensors]
    unexpected = [stored.name for name, stored in tensors.items() if name not in expected]
    said = [
        f"{what} {_some(names)}".strip()
        for what, names in (("missing", missing), ("unexpected", unexpected), ("", wrong))
        if names
    ]
    if said:
        raise WeightsError(f"{folder} does not fit its {CONFIG}: {'; '.join(said)}")


def _published(name: str) -> str:
    """A tensor's name as it is usually stored."""
    return name if name.startswith(("cls_head.", "lm_head.", "probe_head.")) else f"model.{name}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _canonical(stored: Iterable[Stored]) -> dict[str, Stored]:
    """Tensors by their names within the model, whatever wrappers the names were saved with."""
    found = list(stored)
    embed = next((s.name for s in found if s.name.endswith(_EMBED)), _EMBED)
    body = embed.removesuffix(_EMBED)
    outer = body.removesuffix("model.")
    tensors = {}
    for one in found:
        name = one.name.removeprefix(body)
        # The heads stand beside the body, not inside it.
        name = name if name != one.name else one.name.removeprefix(outer)
        if not name.endswith("rotary_emb.inv_freq"):
            tensors[name] = one
    return tensors


def _stored(folder: Path) -> list[Stored]:
    """All tensors of the files in a folder."""
    index = folder / INDEX
    if index.is_file():
        paths = sorted({folder / name for name in _weight_map(index).values()})
        gone = [path.name for path in paths if not path.is_file()]
        if gone:
            raise WeightsError(f"{folder} lacks {_some(gone)}, which {INDEX} names: copy it again")
    else:
        paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        other = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        hint = "; convert the ones of torch first" if other else ""
        raise WeightsError(f"{folder} holds no weights (*.safetensors){hint}")
    return [one for path in paths for one in _read(path)]


def _read(path: Path) -> list[Stored]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = list(file.keys())
            return [Stored(path, name, tuple(file.get_slice(name).get_shape())) for name in names]
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error


def _weight_map(index: Path) -> dict[str, str]:
    try:
        found: Any = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        return {str(name): Path(str(file)).name for name, file in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{index}: cannot be read: {error!r}") from error


def _unreadable(path: Path, error: Exception) -> WeightsError:
    what = next(iter(str(error).strip().splitlines()), repr(error))
    return WeightsError(f"{path}: weights cannot be read: {what}")
