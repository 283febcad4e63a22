"""Bidirectional transformer layers: pre-norm, rotary positions, started as the identity."""

from __future__ import annotations

from torch import Tensor, arange, cat, float32, nn
from torch.nn import functional


class Layer(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)) (Xiong et al. 2020, arXiv 2002.04745).

    Both last projections start at zero: a new layer changes nothing until it has learnt
    (Bachlechner et al. 2020, arXiv 2003.04887, with a matrix in place of the scalar).
    """

    def __init__(self, width: int, heads: int, feed: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.up = nn.Linear(width, feed)
        self.down = nn.Linear(feed, width)
        self.dropout = nn.Dropout(dropout)
        for last in (self.out, self.down):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, visible: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """`x` (b, n, d); `visible` (b, n) bool, the tokens that may be looked at; `turn` the
        cosines and sines (n, d / heads) of every position."""
        batch, count, width = x.shape
        parts = self.qkv(self.before_attention(x)).view(batch, count, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(
            rotate(query, turn), rotate(key, turn), value, attn_mask=visible[:, None, None, :]
        )
        x = x + self.dropout(self.out(found.transpose(1, 2).reshape(batch, count, width)))
        return x + self.dropout(self.down(functional.gelu(self.up(self.before_mlp(x)))))


def rotary(positions: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (n, size) of `positions` (n,): RoPE (Su et al. 2021, arXiv 2104.09864,
    equation 34), halves rather than neighbours paired."""
    steps = arange(0, size, 2, dtype=float32, device=positions.device) / size
    angle = positions[:, None].to(float32) * 10_000.0**-steps
    angle = cat([angle, angle], dim=1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn the vectors `x` (..., n, size) by their positions."""
    left, right = x.chunk(2, dim=-1)
    cosine, sine = (part.to(x.dtype) for part in turn)
    return x * cosine + cat([-right, left], dim=-1) * sine
