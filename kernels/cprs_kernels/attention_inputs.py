"""What attention of packed windows is given, checked once for all that compute it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cprs_kernels.errors import ShapeError
from cprs_kernels.packed import Packed


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """`q` (n, hq, d), `k` and `v` (n, hk, d), `prefix` the keys and values (packed.prefix, hk, d)
    before every window, None where there are none; scores are multiplied by `scale`."""

    q: Tensor
    k: Tensor
    v: Tensor
    prefix: tuple[Tensor, Tensor] | None
    packed: Packed
    causal: bool
    scale: float

    @classmethod
    def of(
        cls,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        prefix_k: Tensor | None,
        prefix_v: Tensor | None,
        *,
        packed: Packed,
        causal: bool,
        scale: float | None,
    ) -> Inputs:
        """Raises ShapeError where tensors do not fit together. `scale`: 1 / sqrt(d) for None."""
        _check(q, k, v, packed, prefix_k, prefix_v)
        prefix = None if prefix_k is None or prefix_v is None else (prefix_k, prefix_v)
        return cls(
            q,
            k,
            v,
            prefix if packed.prefix else None,
            packed,
            causal,
            q.shape[-1] ** -0.5 if scale is None else scale,
        )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors with values of their own."""
        return (self.q, self.k, self.v, *(self.prefix or ()))

    @property
    def group(self) -> int:
        """Query heads to a key head."""
        group: int = self.q.shape[1] // self.k.shape[1]
        return group


def _check(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    packed: Packed,
    prefix_k: Tensor | None,
    prefix_v: Tensor | None,
) -> None:
    if q.ndim != 3 or k.ndim != 3 or k.shape != v.shape:
        raise ShapeError(
            f"attention takes q (n, hq, d) and k, v (n, hk, d), not {tuple(q.shape)}, "
            f"{tuple(k.shape)} and {tuple(v.shape)}"
        )
    if len(q) != len(k) or q.shape[2] != k.shape[2] or q.shape[1] % k.shape[1]:
        raise ShapeError(
            f"q {tuple(q.shape)} and k {tuple(k.shape)} need the same rows and features, and query "
            "heads that are a multiple of the key heads"
        )
    if (prefix_k is None) != (prefix_v is None):
        raise ShapeError("a prefix has both keys and values: give prefix_k and prefix_v, or none")
    expected = (packed.prefix, *k.shape[1:])
    for prefix in (prefix_k, prefix_v):
        if prefix is None and packed.prefix:
            raise ShapeError(f"windows stand behind {packed.prefix} tokens: give their k and v")
        if prefix is not None and tuple(prefix.shape) != expected:
            raise ShapeError(f"the prefix should be {expected}, not {tuple(prefix.shape)}")
    for tensor in (k, v, prefix_k, prefix_v):
        if tensor is not None and (tensor.dtype != q.dtype or tensor.device != q.device):
            raise ShapeError(
                f"all tensors need one dtype and device: {q.dtype} on {q.device}, "
                f"{tensor.dtype} on {tensor.device}"
            )
