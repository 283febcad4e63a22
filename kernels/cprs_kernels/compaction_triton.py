"""Compaction in Triton: a program copies a few rows of one window, whatever they hold."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from cprs_kernels.build import Build
from cprs_kernels.packed import Packed

_ROWS, _MOST = 8, 1024


def launch(tensor: Tensor, left: Packed, sources: Tensor, rows: int) -> Tensor:
    """The `rows` rows that `left` holds of `tensor` (n, ...), whose windows began at `sources`
    (w,) int32."""
    made = tensor.new_empty(rows, *tensor.shape[1:])
    if not made.numel():
        return made
    kind = _words(tensor)
    source, target = (x.view(x.shape[0], -1).view(kind) for x in (tensor, made))
    columns = source.shape[1]
    block = min(_MOST, triton.next_power_of_2(columns))
    tiles = triton.cdiv(left.longest, _ROWS)
    with torch.cuda.device_of(tensor):
        copy_rows[(left.windows * tiles,)](
            source, target, sources, left.starts, tiles, columns, ROWS=_ROWS, BLOCK=block
        )
    return made


def _words(tensor: Tensor) -> torch.dtype:
    """The widest integers that fit a row of `tensor`, and where it begins in its storage."""
    row = tensor[0].numel() * tensor.element_size()
    begin = tensor.storage_offset() * tensor.element_size()
    return next(
        kind
        for kind in (torch.int32, torch.int16, torch.uint8)
        if not (row % kind.itemsize or begin % kind.itemsize)
    )


def builds(target: str) -> list[Build]:
    """As launched for hidden states of 7B and 0.5B models."""
    types = {"X": "*i32", "Y": "*i32", "SOURCES": "*i32", "STARTS": "*i32"}
    types |= {"tiles": "i32", "columns": "i32"}
    return [
        Build(f"compact {h}", copy_rows, types, {"ROWS": _ROWS, "BLOCK": block}, ("columns",))
        for h, block in ((3584, 1024), (896, 512))
    ]


@triton.jit
def copy_rows(
    X, Y, SOURCES, STARTS, tiles, columns, ROWS: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    window = tl.program_id(0) // tiles
    offsets = tl.program_id(0) % tiles * ROWS + tl.arange(0, ROWS)
    start = tl.load(STARTS + window)
    here = offsets < tl.load(STARTS + window + 1) - start
    source = (tl.load(SOURCES + window) + offsets).to(tl.int64) * columns
    target = (start + offsets).to(tl.int64) * columns
    for first in range(0, columns, BLOCK):
        inner = first + tl.arange(0, BLOCK)
        inside = here[:, None] & (inner < columns)[None, :]
        moved = tl.load(X + source[:, None] + inner[None, :], mask=inside)
        tl.store(Y + target[:, None] + inner[None, :], moved, mask=inside)
