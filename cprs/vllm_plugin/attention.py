"""Attention of a frozen hybrid's upper layers: a prompt sees only itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


@dataclass(slots=True)
class Prompts:
    """Where the prompts of the current step lie, [start, end) each; all layers share it."""

    found: list[tuple[int, int]] = field(default_factory=list)


class FrozenAttention(nn.Module):
    """vLLM's attention over whole sequences, in which the rows of prompts are then replaced by
    what they make of the prompt alone:

        out[i] = softmax(q_i K_pᵀ · scale) V_p    for i in the prompt p

    A window's rows stay: they see prompt and window. Prompts are short, so this costs little.
    """

    def __init__(self, whole: nn.Module, prompts: Prompts) -> None:
        super().__init__()
        self.whole = whole
        self._prompts = prompts
        self._heads = int(whole.num_heads)
        self._key_heads = int(whole.num_kv_heads)
        self._width = int(whole.head_size)
        self._scale = float(whole.impl.scale)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Queries (n, hq·d), keys and values (n, hk·d) of packed sequences; (n, hq·d)."""
        out: Tensor = self.whole(q, k, v)
        for start, end in self._prompts.found:
            rows = scaled_dot_product_attention(
                self._by_head(q[start:end], self._heads),
                self._by_head(k[start:end], self._key_heads),
                self._by_head(v[start:end], self._key_heads),
                scale=self._scale,
                enable_gqa=self._heads != self._key_heads,
            )
            out[start:end] = rows[0].transpose(0, 1).reshape(end - start, -1)
        return out

    def _by_head(self, x: Tensor, heads: int) -> Tensor:
        return x.view(1, -1, heads, self._width).transpose(1, 2)
