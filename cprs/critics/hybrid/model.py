"""The hybrid's forward pass over packed windows: no padding, no dense masks, the prompt once.

QwenLong-CPRS (arXiv 2505.18092, §2.2): causal Qwen layers, then layers that look both ways, then a
tag head and the LM head's rows of the label words, read at every token of the window. A critic may
have a probe besides, a second tag head behind its first few layers: what these make of windows can
be read (`begin`) before it is decided which of them the other layers read (`end`).

The prompt stands before every window, so in the causal layers its keys and values are the same for
all of them and are computed once. In the bidirectional layers that holds where the prompt sees
itself alone (`prefix="frozen"`); where it sees the window too (`"exact"`, as published), each
window goes on with a copy of the prompt's rows as they leave the causal layers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from cprs_kernels.attention import shared_prefix_attention
from cprs_kernels.head import Heads, critic_head
from cprs_kernels.packed import Packed
from torch import Tensor
from torch.nn import functional

from cprs.critics.hybrid.checkpoint import HEAD, LM_HEAD, Checkpoint
from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.layer import Layer, Rows, Turns
from cprs.critics.hybrid.linear import Dense, MakeLinear
from cprs.critics.hybrid.placement import Placement
from cprs.critics.hybrid.probe import Probe


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prompt of `length` tokens, computed: turned keys and values (length, key heads, d) of each
    layer in which all windows share them, and the rows with which the others begin, if any."""

    length: int
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    rows: Rows | None


@dataclass(frozen=True, slots=True)
class _Copies:
    """w windows of n tokens with a copy of a prompt of p before each: `source` (n + w p,), where
    each row stands in [prompt ; windows], and `own` (n,), where the windows' rows are."""

    packed: Packed
    source: Tensor
    own: Tensor

    @classmethod
    def of(cls, packed: Packed, rows: int) -> _Copies:
        prompt, starts = packed.prefix, packed.starts
        before = prompt * torch.arange(len(starts), dtype=starts.dtype, device=starts.device)
        both = Packed(starts + before, packed.longest + prompt)
        total = rows + prompt * packed.windows
        owners = both.owners(total)
        place = both.positions(total)
        source = torch.where(place < prompt, place, starts[owners] + place)
        own = torch.arange(rows, device=starts.device) + prompt * (packed.owners(rows) + 1)
        return cls(both, source.long(), own)


class HybridModel:
    """A hybrid's weights and what they compute. Stateless; runs under `torch.inference_mode`."""

    def __init__(
        self,
        config: HybridConfig,
        *,
        embed: Tensor,
        layers: tuple[Layer, ...],
        norm: Tensor,
        tag_weight: Tensor,
        tag_bias: Tensor,
        lm_head: Tensor | None,
        probe: Probe | None = None,
    ) -> None:
        self.config = config
        self.embed = embed
        self.layers = layers
        self.norm = norm
        self.tag_weight = tag_weight
        self.tag_bias = tag_bias
        self.lm_head = lm_head
        self.probe = probe
        turns = Turns.of(config)
        self._turns = {layer.device: turns.to(layer.device) for layer in layers}

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        placement: Placement,
        *,
        dtype: torch.dtype,
        linear: MakeLinear = Dense,
    ) -> HybridModel:
        """A checkpoint's weights as `dtype` where `placement` says. `linear` makes the layers'
        matrix products. Raises `WeightsError` as `Checkpoint` does."""
        checkpoint.critic()
        layers = tuple(
            Layer.load(checkpoint, number, device=device, dtype=dtype, linear=linear)
            for number, device in enumerate(placement.layers)
        )
        embed = checkpoint.tensor("embed_tokens.weight", device=placement.embed, dtype=dtype)
        lm_head = None
        if checkpoint.config.tied:
            lm_head = embed
        elif LM_HEAD in checkpoint:
            lm_head = checkpoint.tensor(LM_HEAD, device=placement.heads, dtype=dtype)
        at = placement.heads
        return cls(
            checkpoint.config,
            embed=embed,
            layers=layers,
            norm=checkpoint.tensor("norm.weight", device=at, dtype=dtype),
            # As the published code reads it: four rows cost nothing in full precision.
            tag_weight=checkpoint.tensor(HEAD, device=at, dtype=dtype),
            tag_bias=checkpoint.tensor("cls_head.bias", device=at, dtype=dtype),
            lm_head=lm_head,
            probe=Probe.load(checkpoint, placement, dtype),
        )

    @property
    def device(self) -> torch.device:
        """Where token ids are wanted."""
        return self.embed.device

    @property
    def dtype(self) -> torch.dtype:
        """Of hidden states."""
        return self.embed.dtype

    def prefix(self, ids: Tensor) -> Prefix:
        """A prompt's tokens (p,) int64, in all layers in which windows share it."""
        length = len(ids)
        packed = Packed.of([length], device=self.device)
        keys: list[Tensor] = []
        values: list[Tensor] = []
        rows = Rows(functional.embedding(ids.to(self.device), self.embed))
        for number, layer in enumerate(self.layers):
            if number == self._alone_from:
                return Prefix(length, tuple(keys), tuple(values), rows)
            rows, packed = rows.to(layer.device), _to(packed, layer.device)
            q, k, v, residual = layer.project(rows, packed, self._turns[layer.device])
            # Copies: views would keep the queries beside them.
            keys.append(k.contiguous())
            values.append(v.contiguous())
            if number + 1 == len(self.layers):
                break  # nobody reads what the prompt's rows become
            causal = number < self.config.bidirectional_from
            attended = shared_prefix_attention(q, k, v, packed=packed, causal=causal)
            rows = layer.finish(attended, residual)
        return Prefix(length, tuple(keys), tuple(values), None)

    def windows(self, ids: Tensor, packed: Packed, prefix: Prefix) -> Tensor:
        """Windows' tokens (n,) int64, `packed` behind `prefix`, as the last layer leaves them
        (n, h), before the last norm. Prompt and window must fit into `config.window`.

        Raises `ValueError` where `packed` has another prefix's length, or is too long.
        """
        return self._layers(self._embedded(ids, packed, prefix), packed, prefix, 0).sum

    def begin(self, ids: Tensor, packed: Packed, prefix: Prefix) -> tuple[Tensor, Tensor]:
        """`windows` as far as the probe: rows (n, h), and its probabilities (n, 4) of B I O E.

        Raises as `windows` does, and where there is no probe.
        """
        if self.probe is None:
            raise ValueError("the model has no probe")
        rows = self._embedded(ids, packed, prefix)
        hidden = self._layers(rows, packed, prefix, 0, self.probe.layers).sum
        return hidden, self.probe(hidden, self.config.epsilon)

    def end(self, rows: Tensor, packed: Packed, prefix: Prefix) -> Tensor:
        """What `windows` gives (n, h), of rows as `begin` left them, any of its windows."""
        if self.probe is None:
            raise ValueError("the model has no probe")
        return self._layers(Rows(rows), packed, prefix, self.probe.layers).sum

    def _embedded(self, ids: Tensor, packed: Packed, prefix: Prefix) -> Rows:
        if packed.prefix != prefix.length:
            raise ValueError(
                f"packed behind {packed.prefix} tokens, the prefix has {prefix.length}"
            )
        if packed.prefix + packed.longest > self.config.window:
            raise ValueError(f"{packed.prefix} + {packed.longest} tokens exceed the window")
        return Rows(functional.embedding(ids.to(self.device), self.embed))

    def _layers(
        self, rows: Rows, packed: Packed, prefix: Prefix, first: int, end: int | None = None
    ) -> Rows:
        """Windows' rows through layers `first` to before `end`, if not to the last."""
        count = len(rows.x)
        copies: _Copies | None = None
        for number, layer in list(enumerate(self.layers))[first:end]:
            rows, packed = rows.to(layer.device), _to(packed, layer.device)
            if number == self._alone_from and prefix.rows is not None:
                copies = _Copies.of(packed, count)
                rows = rows.behind(prefix.rows.to(layer.device))[copies.source]
                packed = copies.packed
            q, k, v, residual = layer.project(rows, packed, self._turns[layer.device])
            shared = number < len(prefix.keys)
            attended = shared_prefix_attention(
                q,
                k,
                v,
                packed=packed,
                prefix_k=prefix.keys[number] if shared else None,
                prefix_v=prefix.values[number] if shared else None,
                causal=number < self.config.bidirectional_from,
            )
            if copies is not None and number + 1 == len(self.layers):
                own = copies.own.to(layer.device)
                attended, residual = attended.index_select(0, own), residual.index_select(0, own)
            rows = layer.finish(attended, residual)
        return rows.to(self.norm.device) if end is None else rows

    def heads(self, hidden: Tensor, label_rows: Tensor | None = None) -> Heads:
        """What both heads say of rows (n, h): probabilities of B I O E, and of the LM head's rows
        `label_rows` (1 + L,) among themselves, where they are asked for and the model has them."""
        labels = None
        if label_rows is not None and self.lm_head is not None:
            rows = self.lm_head.index_select(0, label_rows.to(self.lm_head.device))
            labels = rows.to(hidden.device)
        return critic_head(
            hidden,
            norm_weight=self.norm,
            epsilon=self.config.epsilon,
            tag_weight=self.tag_weight,
            tag_bias=self.tag_bias,
            label_weight=labels,
        )

    @property
    def _alone_from(self) -> int:
        """The first layer in which each window has its own copy of the prompt."""
        exact = self.config.prefix == "exact"
        return self.config.bidirectional_from if exact else len(self.layers)


def _to(packed: Packed, device: torch.device) -> Packed:
    if packed.starts.device == device:
        return packed
    return replace(packed, starts=packed.starts.to(device))
