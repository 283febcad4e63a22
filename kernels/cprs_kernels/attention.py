"""Attention of packed windows that stand behind one shared prefix."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from cprs_kernels import attention_library as library
from cprs_kernels.attention_inputs import Inputs
from cprs_kernels.build import target_of
from cprs_kernels.dispatch import Implementation, choose, triton_obstacle
from cprs_kernels.packed import Packed


def shared_prefix_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    packed: Packed,
    causal: bool,
    prefix_k: Tensor | None = None,
    prefix_v: Tensor | None = None,
    scale: float | None = None,
    implementation: Implementation | None = None,
) -> Tensor:
    """Each token attends to the whole prefix and to its own window, up to itself where `causal`.

        out_i = softmax(scale * q_i [prefix_k ; k_window]^T) [prefix_v ; v_window]

    The prefix's keys and values are held and read once for all windows; nothing is padded,
    copied or masked by a matrix. Differentiable in every tensor.

    q         (n, hq, d), the windows' rows as `packed` says
    k, v      (n, hk, d); hq is a multiple of hk (grouped queries)
    prefix_*  (packed.prefix, hk, d), None where there is no prefix; rotated to positions 0...
    scale     1 / sqrt(d) unless given
    returns   (n, hq, d) in q's dtype; float32 accumulation

    "triton" follows FlashAttention-2 (Dao, 2023) with two runs of keys in one program. "library"
    is FlashAttention by flash-attn or PyTorch, once over the prefix and once over the windows,
    the two joined by their log-sum-exps. "reference" is PyTorch's scaled dot-product attention,
    window by window. Raises ShapeError, UnavailableError.
    """
    return shared_prefix_attention_lse(
        q,
        k,
        v,
        packed=packed,
        causal=causal,
        prefix_k=prefix_k,
        prefix_v=prefix_v,
        scale=scale,
        implementation=implementation,
        _want_lse=False,
    )[0]


def shared_prefix_attention_lse(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    packed: Packed,
    causal: bool,
    prefix_k: Tensor | None = None,
    prefix_v: Tensor | None = None,
    scale: float | None = None,
    implementation: Implementation | None = None,
    _want_lse: bool = True,
) -> tuple[Tensor, Tensor]:
    """shared_prefix_attention and the natural log-sum-exp of its scores, (hq, n) float32: with
    it, attention over further keys can be joined."""
    given = Inputs.of(q, k, v, prefix_k, prefix_v, packed=packed, causal=causal, scale=scale)
    trains = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given.tensors)
    joins = given.prefix is not None or _want_lse
    obstacles: dict[Implementation, str | None] = {
        "triton": triton_obstacle(q.device),
        "library": library.obstacle(q, joins=joins, trains=trains),
        "reference": None,
    }
    if library.is_faster(target_of(q.device)):
        obstacles = {"library": obstacles.pop("library"), **obstacles}
    chosen = choose(implementation, obstacles, device=q.device)
    if chosen == "triton":
        from cprs_kernels.attention_backward_triton import attention

        return attention(given)
    if chosen == "library":
        return library.attention(given)
    return _reference(given), _reference_lse(given) if _want_lse else q.new_empty(0)


def _reference(given: Inputs) -> Tensor:
    done = []
    for start, end in pairwise(given.packed.starts.tolist()):
        if start == end:
            continue
        keys, values = given.k[start:end], given.v[start:end]
        if given.prefix is not None:
            keys, values = (
                torch.cat([before, own])
                for before, own in zip(given.prefix, (keys, values), strict=True)
            )
        done.append(_one_window(given.q[start:end], keys, values, given.causal, given.scale))
    # What there is none of still has its gradient.
    return torch.cat(done) if done else given.q * 1


def _one_window(q: Tensor, k: Tensor, v: Tensor, causal: bool, scale: float) -> Tensor:
    """(l, hq, d) of the last l rows of k and v."""
    group = q.shape[1] // k.shape[1]
    if group > 1:
        # enable_gqa= would leave PyTorch only kernels that hold all scores at once.
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    prefix, mask = len(k) - len(q), None
    lead = 0
    if causal and 0 < prefix <= len(q):
        # PyTorch's causal masks count from the first key: with rows before the queries they need
        # no matrix.
        lead = prefix
        q = F.pad(q, (0, 0, 0, 0, lead, 0))
    elif causal and prefix:
        mask = q.new_ones((len(q), len(k)), dtype=torch.bool).tril(prefix)
    out = F.scaled_dot_product_attention(
        *(tensor.transpose(0, 1)[None] for tensor in (q, k, v)),
        attn_mask=mask,
        is_causal=causal and mask is None,
        scale=scale,
    )
    return out[0].transpose(0, 1)[lead:]


def _reference_lse(given: Inputs) -> Tensor:
    done = []
    for start, end in pairwise(given.packed.starts.tolist()):
        keys = given.k[start:end]
        if given.prefix is not None:
            keys = torch.cat([given.prefix[0], keys])
        keys = keys.float().repeat_interleave(given.group, 1)
        scores = torch.einsum("qhd,khd->hqk", given.q[start:end].float(), keys) * given.scale
        if given.causal:
            unseen = scores.new_ones(scores.shape[1:], dtype=torch.bool)
            scores = scores.masked_fill(unseen.triu(given.packed.prefix + 1), float("-inf"))
        done.append(scores.logsumexp(-1))
    return torch.cat(done, 1) if done else given.q.new_empty((given.q.shape[1], 0)).float()
