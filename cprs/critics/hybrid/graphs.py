"""Small steps as CUDA graphs: one launch in place of some hundred.

A step of a few hundred tokens has its kernels done sooner than a CPU launches the next. Its
launches are recorded once per size, and replayed with other tokens in the same places. Steps are
filled up to the next size with a window of their own that nobody reads. Large steps gain nothing.

Windows carry their prompts, so that a graph is for all prompts; that is the same only where the
prompt sees the window (`prefix="exact"`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from cprs_kernels.packed import Packed
from torch import Tensor

from cprs.critics.hybrid.model import HybridModel, Prefix
from cprs.critics.hybrid.packing import on_device

SIZES = (256, 512, 768, 1024, 1536, 2048, 3072, 4096)
"""Rows of the steps that are recorded."""
WINDOWS = 8
"""Windows in one of them at most."""

NO_PREFIX = Prefix(0, (), (), None)

Replay = Callable[[], Tensor]
Record = Callable[[Callable[[], Tensor]], Replay]


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A step's places: `ids` (size,) int64, `starts` (WINDOWS + 2,) int32, and its replay, which
    gives hidden states (size, h) that the next one writes over."""

    ids: Tensor
    starts: Tensor
    replay: Replay


class Graphs:
    """Records and replays small steps of a model. For one thread. `record` makes a replay of a
    function on the same tensors."""

    def __init__(
        self,
        model: HybridModel,
        *,
        sizes: Sequence[int] = SIZES,
        record: Record | None = None,
    ) -> None:
        self._model = model
        # A model on several devices copies between them, which a graph of one cannot.
        one_device = len({layer.device for layer in model.layers}) == 1
        able = one_device and model.config.prefix == "exact"
        self.sizes = sorted(n for n in sizes if n <= model.config.window) if able else []
        self._record = record or _on_gpu()
        self._known: dict[int, _Recorded] = {}

    def fits(self, rows: int, windows: int) -> bool:
        """Whether a step of so many rows and windows is small enough."""
        return bool(self.sizes) and rows <= self.sizes[-1] and windows <= WINDOWS

    def windows(self, ids: Tensor, lengths: Sequence[int]) -> Tensor:
        """As `HybridModel.windows` (n, h), of windows of `lengths` that carry their prompts; `ids`
        (n,) int64 on the model's device."""
        rows = len(ids)
        size = next(size for size in self.sizes if size >= rows)
        if size not in self._known:
            self._known[size] = self._recorded(size)
        known = self._known[size]
        ends = torch.full((WINDOWS + 2,), rows, dtype=torch.int32)
        ends[0] = 0
        torch.cumsum(torch.tensor(lengths, dtype=torch.int32), 0, out=ends[1 : 1 + len(lengths)])
        ends[-1] = size
        known.ids[:rows].copy_(ids)
        known.starts.copy_(on_device(ends, known.starts.device))
        return known.replay()[:rows].clone()

    def _recorded(self, size: int) -> _Recorded:
        device = self._model.device
        ids = torch.zeros(size, dtype=torch.int64, device=device)
        starts = torch.zeros(WINDOWS + 2, dtype=torch.int32, device=device)
        starts[-1] = size
        packed = Packed(starts, size, 0)
        replay = self._record(lambda: self._model.windows(ids, packed, NO_PREFIX))
        return _Recorded(ids, starts, replay)


def _on_gpu() -> Record:
    """Records into one pool of memory, as replays never run at the same time."""
    pool = torch.cuda.graph_pool_handle() if torch.cuda.is_available() else None

    def record(run: Callable[[], Tensor]) -> Replay:
        # Kernels are compiled, and libraries set up, by runs that are not recorded.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                run()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # Other threads go on using the GPU meanwhile.
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            out = run()

        def replay() -> Tensor:
            graph.replay()
            return out

        return replay

    return record
