"""One transformer layer of the Qwen family over packed rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from cprs_kernels.norms import add_rms_norm
from cprs_kernels.packed import Packed
from cprs_kernels.rotary import rotary_
from cprs_kernels.swiglu import swiglu
from torch import Tensor

from cprs.critics.hybrid.checkpoint import Checkpoint
from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.linear import Linear, MakeLinear


@dataclass(frozen=True, slots=True)
class Rows:
    """The residual stream of n rows, (n, h) each: `x` is still to be added to `residual`, which
    is None before the first layer. Norms add them as they read them."""

    x: Tensor
    residual: Tensor | None = None

    def __getitem__(self, index: Tensor) -> Rows:
        """The rows that `index` (m,) names."""
        rest = None if self.residual is None else self.residual.index_select(0, index)
        return Rows(self.x.index_select(0, index), rest)

    def to(self, device: torch.device) -> Rows:
        """On another device."""
        rest = None if self.residual is None else self.residual.to(device, non_blocking=True)
        return Rows(self.x.to(device, non_blocking=True), rest)

    def behind(self, other: Rows) -> Rows:
        """These rows with `other` before them."""
        if other.residual is None or self.residual is None:
            return Rows(torch.cat([other.sum, self.sum]))
        return Rows(torch.cat([other.x, self.x]), torch.cat([other.residual, self.residual]))

    @property
    def sum(self) -> Tensor:
        """(n, h): both together."""
        return self.x if self.residual is None else self.x + self.residual


@dataclass(frozen=True, slots=True)
class Turns:
    """Cosines and sines (positions, d / 2) float32 of rotary positions, on one device."""

    cosines: Tensor
    sines: Tensor

    @classmethod
    def of(cls, config: HybridConfig) -> Turns:
        """Of all positions in a window."""
        places = torch.arange(config.window, dtype=torch.float64)
        angles = torch.outer(places, torch.from_numpy(config.rope.frequencies(config.head_width)))
        scale = config.rope.scale
        return cls((angles.cos() * scale).float(), (angles.sin() * scale).float())

    def to(self, device: torch.device) -> Turns:
        """On another device."""
        return Turns(self.cosines.to(device), self.sines.to(device))


@dataclass(frozen=True, slots=True)
class Layer:
    """x + attention(norm(x)), then x + SwiGLU(norm(x)); queries, keys and values are one product,
    gate and up another. `head_norms`: Qwen3's weights (d,) for queries and keys."""

    config: HybridConfig
    device: torch.device
    input_norm: Tensor
    qkv: Linear
    head_norms: tuple[Tensor, Tensor] | None
    out: Linear
    feed_norm: Tensor
    gate_up: Linear
    down: Linear

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        number: int,
        *,
        device: torch.device,
        dtype: torch.dtype,
        linear: MakeLinear,
    ) -> Layer:
        """Layer `number` of a checkpoint."""
        at = f"layers.{number}"

        def read(name: str) -> Tensor:
            return checkpoint.tensor(f"{at}.{name}", device=device, dtype=dtype)

        def joined(names: tuple[str, ...], kind: str = "weight") -> Tensor:
            return torch.cat([read(f"{name}.{kind}") for name in names])

        config, attention = checkpoint.config, ("q_proj", "k_proj", "v_proj")
        names = tuple(f"self_attn.{name}" for name in attention)
        norms = ("self_attn.q_norm.weight", "self_attn.k_norm.weight")
        return cls(
            config=config,
            device=device,
            input_norm=read("input_layernorm.weight"),
            qkv=linear(joined(names), joined(names, "bias") if config.qkv_bias else None),
            head_norms=(read(norms[0]), read(norms[1])) if config.head_norms else None,
            out=linear(read("self_attn.o_proj.weight"), None),
            feed_norm=read("post_attention_layernorm.weight"),
            gate_up=linear(joined(("mlp.gate_proj", "mlp.up_proj")), None),
            down=linear(read("mlp.down_proj.weight"), None),
        )

    def project(
        self, rows: Rows, packed: Packed, turns: Turns
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Queries, keys, both turned, and values of n rows; and the residual that stays."""
        c = self.config
        y, residual = add_rms_norm(
            rows.x, rows.residual, self.input_norm, c.epsilon, fp8=self.qkv.fp8
        )
        heads = self.qkv(y).view(len(residual), -1, c.head_width)
        q, k, v = heads.split([c.heads, c.key_heads, c.key_heads], dim=1)
        if self.head_norms is not None:
            q, k = (
                add_rms_norm(x, None, w, c.epsilon)[0]
                for x, w in zip((q, k), self.head_norms, strict=True)
            )
        q, k = rotary_(q, k, turns.cosines, turns.sines, packed=packed)
        return q, k, v, residual

    def finish(self, attended: Tensor, residual: Tensor) -> Rows:
        """What comes behind the attention, for any of its rows."""
        x = self.out(attended.flatten(1))
        y, residual = add_rms_norm(
            x, residual, self.feed_norm, self.config.epsilon, fp8=self.gate_up.fp8
        )
        return Rows(self.down(swiglu(self.gate_up(y), fp8=self.down.fp8)), residual)
