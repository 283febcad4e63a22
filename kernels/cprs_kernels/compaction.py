"""Windows that hold nothing leave a packed batch, so that later layers run on what is left.

    rows of the kept windows, in order; starts' = cumulative lengths of the kept windows

An early layer's probe marks windows or tokens; the rows move once per tensor. How many rows stay
must be known to make room for them, so the host waits for the marks: once per call, for one
number per window.

What it adds over torch: `index_select` moves rows as well; the kernel copies runs of rows and needs
no index per row. It is a small part of the time in either way: what saves time is the batch that
shrinks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cprs_kernels.dispatch import Implementation, choose, triton_obstacle
from cprs_kernels.packed import Packed
from cprs_kernels.rows import check, check_no_gradient


def occupied(marks: Tensor, packed: Packed) -> Tensor:
    """Which windows (w,) bool have a marked token; `marks` (n,) bool. Does not wait for a GPU."""
    check(marks.ndim == 1 and marks.dtype == torch.bool, "marks are (n,) bool")
    counts = torch.zeros(len(marks) + 1, dtype=torch.int32, device=marks.device)
    torch.cumsum(marks, 0, dtype=torch.int32, out=counts[1:])
    starts = packed.starts.to(torch.int64)
    return counts[starts[1:]] > counts[starts[:-1]]


def compact(
    keep: Tensor,
    packed: Packed,
    *tensors: Tensor,
    implementation: Implementation | None = None,
) -> tuple[Packed, tuple[Tensor, ...]]:
    """Keep the windows with `keep` (w,) bool, or with a marked token by `keep` (n,) bool: the
    packing that is left and the rows of `tensors` (n, ...) in it.

    Where there are as many windows as tokens, `keep` is read as one mark per window.
    """
    windows = packed.windows
    check(keep.ndim == 1 and keep.dtype == torch.bool, "keep is bool, one per window or per token")
    n = len(tensors[0]) if tensors else None
    check(all(len(tensor) == n for tensor in tensors), "tensors of one number of rows")
    check(
        len(keep) == windows or n is None or len(keep) == n,
        f"{len(keep)} marks for {windows} windows of {n} tokens",
    )
    check_no_gradient("compact", *tensors)
    if len(keep) != windows:
        keep = occupied(keep, packed)
    # The one wait for the device.
    starts, marked = torch.stack([packed.starts, _padded(keep)]).cpu()
    kept = marked[:-1].nonzero().flatten()
    lengths = (starts[1:] - starts[:-1])[kept].tolist()
    left = Packed.of(lengths, prefix=packed.prefix, device=packed.starts.device)
    sources = starts[kept].to(packed.starts.device)
    return left, tuple(_moved(x, left, sources, sum(lengths), implementation) for x in tensors)


def compact_reference(keep: Tensor, packed: Packed, tensor: Tensor) -> tuple[Packed, Tensor]:
    """The formula in torch, of one tensor and `keep` (w,)."""
    rows = tensor[keep[packed.owners(len(tensor))]]
    lengths = (packed.starts[1:] - packed.starts[:-1])[keep].tolist()
    return Packed.of(lengths, prefix=packed.prefix, device=tensor.device), rows


def _padded(keep: Tensor) -> Tensor:
    return torch.cat([keep, keep.new_zeros(1)]).to(torch.int32)


def _moved(
    tensor: Tensor, left: Packed, sources: Tensor, rows: int, implementation: Implementation | None
) -> Tensor:
    obstacles: dict[Implementation, str | None] = {
        "triton": triton_obstacle(tensor.device),
        "library": None,
    }
    if choose(implementation, obstacles, device=tensor.device) == "triton":
        from cprs_kernels.compaction_triton import launch

        return launch(tensor.contiguous(), left, sources, rows)
    shift = (sources - left.starts[:-1])[left.owners(rows)]
    return tensor.index_select(0, torch.arange(rows, device=tensor.device) + shift)
