"""FlashAttention as libraries have it, for packed windows behind a shared prefix.

No library reads a prefix that all windows share without pages or copies. Two calls do: all rows
over the prefix as one sequence, then each window over itself; the two outputs are weighed by the
log-sum-exps of their scores. Libraries do not differentiate those, so training with a prefix is
for the other implementations.
"""

from __future__ import annotations

import inspect
from functools import cache
from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor

from cprs_kernels.attention_inputs import Inputs

Library = Literal["flash_attn_3", "flash_attn", "torch"]


def obstacle(q: Tensor, *, joins: bool, trains: bool) -> str | None:
    """Why no library can compute this; None where one can."""
    if q.device.type != "cuda":
        return "libraries of attention need a GPU"
    if q.dtype not in (torch.float16, torch.bfloat16):
        return f"libraries of attention compute in float16 and bfloat16, not {q.dtype}"
    if q.shape[2] > 256 or q.shape[2] % 8:
        return f"libraries of attention take heads of up to 256, in eights, not {q.shape[2]}"
    if joins and trains:
        return "no library differentiates attention that is joined from two parts"
    if installed(major_of(q.device)) is None:
        return "neither flash-attn nor a PyTorch with varlen_attn (2.10 or newer) is installed"
    return None


def is_faster(target: str) -> bool:
    """Whether the library that would run is expected to beat the Triton kernel on `target`: by
    the figures of their authors FlashAttention-3 does on Hopper, FlashAttention-2 on Ampere but
    not on Hopper."""
    if not target.startswith("sm_"):
        return False
    major = int(target.removeprefix("sm_")) // 10
    return installed(major) == "flash_attn_3" or major == 8


def major_of(device: torch.device) -> int:
    """The GPU's major compute capability."""
    major: int = torch.cuda.get_device_capability(device)[0]
    return major


@cache
def installed(major: int) -> Library | None:
    """The library to use on GPUs of this major capability."""
    if major == 9 and find_spec("flash_attn_interface"):
        return "flash_attn_3"
    if find_spec("flash_attn"):
        return "flash_attn"
    if find_spec("torch.nn.attention.varlen"):
        return "torch"
    return None


def attention(given: Inputs) -> tuple[Tensor, Tensor]:
    """Output (n, hq, d) and log-sum-exp (hq, n)."""
    q, packed, scale = given.q, given.packed, given.scale
    rows = len(q)
    if not rows:
        return torch.empty_like(q), q.new_empty((q.shape[1], 0), dtype=torch.float32)
    longest = min(packed.longest, rows)
    own, own_lse = varlen(
        q, given.k, given.v, packed.starts, packed.starts, longest, longest,
        causal=given.causal, scale=scale,
    )  # fmt: skip
    if given.prefix is None:
        return own, own_lse
    # Made on the device: what comes from the host would be waited for in every layer.
    both, before = (
        torch.arange(0, 2 * length, length, dtype=torch.int32, device=q.device)
        for length in (rows, packed.prefix)
    )
    prefix_k, prefix_v = given.prefix
    common, common_lse = varlen(
        q, prefix_k, prefix_v, both, before, rows, packed.prefix, causal=False, scale=scale
    )
    return join(common, common_lse, own, own_lse)


def join(one: Tensor, one_lse: Tensor, two: Tensor, two_lse: Tensor) -> tuple[Tensor, Tensor]:
    """Attention over two sets of keys from attention over each: outputs (n, h, d), log-sum-exps
    (h, n)."""
    lse = torch.logaddexp(one_lse, two_lse)
    shares = [torch.exp(part - lse).t()[..., None] for part in (one_lse, two_lse)]
    return (one * shares[0] + two * shares[1]).to(one.dtype), lse


def varlen(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    q_starts: Tensor,
    k_starts: Tensor,
    q_longest: int,
    k_longest: int,
    *,
    causal: bool,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """The installed library's attention of sequences that follow one another, with its
    log-sum-exp (hq, n)."""
    lengths = (q_starts, k_starts, q_longest, k_longest)
    library = installed(major_of(q.device))
    if library == "torch":
        return _torch(q, k, v, *lengths, causal=causal, scale=scale)
    if library == "flash_attn_3":
        from flash_attn_interface import flash_attn_varlen_func
    else:
        from flash_attn import flash_attn_varlen_func
    # Releases of FlashAttention-3 before 3.0b1's end returned the log-sum-exp unasked.
    known = inspect.signature(flash_attn_varlen_func).parameters
    extra = {"return_attn_probs": True} if "return_attn_probs" in known else {}
    out, lse, *_ = flash_attn_varlen_func(
        q, k, v, *lengths, softmax_scale=scale, causal=causal, **extra
    )
    return out, lse


def _torch(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    q_starts: Tensor,
    k_starts: Tensor,
    q_longest: int,
    k_longest: int,
    *,
    causal: bool,
    scale: float,
) -> tuple[Tensor, Tensor]:
    from torch.nn.attention.varlen import AuxRequest, varlen_attn

    # 2.10 has is_causal; 2.11 window_size and scale; 2.12 enable_gqa and num_splits.
    known = inspect.signature(varlen_attn).parameters
    options: dict[str, object] = {"return_aux": AuxRequest(lse=True)}
    if "window_size" in known:
        options["window_size"] = (-1, 0) if causal else (-1, -1)
    else:
        options["is_causal"] = causal
    if "scale" in known:
        options["scale"] = scale
    else:
        q = q * (scale * q.shape[-1] ** 0.5)
    if "enable_gqa" in known:
        options["enable_gqa"] = True
    else:
        group = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    if "num_splits" in known:
        # The same bytes whatever else is in the batch.
        options["num_splits"] = 1
    out, lse = varlen_attn(q, k, v, q_starts, k_starts, q_longest, k_longest, **options)
    return out, lse if lse.shape == (q.shape[1], len(q)) else lse.t()
