"""One queue before the model, whoever asks: windows of all requests, read together in steps.

Three stages at a time, each in a thread of its own: callers cut and tokenise texts, `_feed` packs
what waits and starts it on the device, which answers before the work is done, and `_gather` waits
for the device and hands out what it found. So a GPU has the next step before it has ended one.

Windows under one prompt share its states. Where a step has windows under several prompts, and the
prompt may see the window (`prefix="exact"`), each window carries its own prompt instead: the same
to the model, which sees the same tokens at the same places. Under a `frozen` prompt it would not
be, and steps are of one prompt each.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Queue

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cprs.critics.hybrid.graphs import NO_PREFIX, Graphs
from cprs.critics.hybrid.memory import Budget, in_memory
from cprs.critics.hybrid.model import HybridModel, Prefix
from cprs.critics.hybrid.packing import Ids, Step, fill, on_device, on_host
from cprs.errors import Cancelled

AHEAD = 2
"""Steps that are on the device or wait there."""

Found = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Of a window's t tokens: tags (t, 4), and labels (t, 1 + L) where they were asked for."""


class Prompt:
    """What stands before windows: its tokens `ids` (p,) and the LM head's `rows` (1 + L,) int64 of
    "outside" and the labels, or None. Its states are computed once, when they are first shared."""

    def __init__(self, ids: Ids, rows: NDArray[np.int64] | None = None) -> None:
        self.ids = ids
        self.rows = None if rows is None else torch.from_numpy(rows)
        self._prefix: Prefix | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def prefix(self, model: HybridModel) -> Prefix:
        """Its states. For one thread."""
        if self._prefix is None:
            ids = torch.from_numpy(self.ids.astype(np.int64))
            self._prefix = model.prefix(on_device(ids, model.device))
        return self._prefix


@dataclass(eq=False, slots=True)
class _Asked:
    """Windows under one prompt, and what has been found of them."""

    prompt: Prompt
    windows: Sequence[Ids]
    future: Future[list[Found]]
    found: dict[int, Found] = field(default_factory=dict)

    def put(self, number: int, found: Found) -> None:
        self.found[number] = found
        if len(self.found) == len(self.windows) and not self.future.done():
            self.future.set_result([self.found[i] for i in range(len(self.windows))])


_One = tuple[_Asked, int]
"""One window of those asked about."""


@dataclass(frozen=True, slots=True)
class _Started:
    """A step on its way: windows, what will be said of them, and the event after which it is."""

    ones: Sequence[_One]
    found: Sequence[tuple[Tensor, Tensor | None]]
    event: torch.cuda.Event | None


class Pipeline:
    """Reads windows on one model; small steps by `graphs`, where there are any. Safe for many
    threads; its own end with `close`."""

    def __init__(
        self, model: HybridModel, *, budget: Budget | None = None, graphs: Graphs | None = None
    ) -> None:
        self.model = model
        self.graphs = graphs
        self.budget = budget or Budget.of(model.config, model.device)
        self.steps = 0
        self._mixes = model.config.prefix == "exact"
        self._waiting: list[_One] = []
        self._woken = threading.Condition()
        self._closed = False
        self._started: Queue[_Started | None] = Queue(maxsize=AHEAD)
        self._threads = [
            threading.Thread(target=target, name=f"cprs-hybrid-{name}", daemon=True)
            for name, target in (("feed", self._feed), ("gather", self._gather))
        ]
        for thread in self._threads:
            thread.start()

    def read(self, prompt: Prompt, windows: Sequence[Ids]) -> list[Found]:
        """What the heads say of every window, in their order.

        Raises what the model raises, `CprsError` where memory does not suffice for one window, and
        `Cancelled` once this is closed.
        """
        if not windows:
            return []
        asked = _Asked(prompt, windows, Future())
        for number, window in enumerate(windows):
            if not len(window):
                asked.put(number, self._blank(prompt))
        with self._woken:
            if self._closed:
                raise Cancelled("cancelled: the critic has been closed")
            self._waiting.extend((asked, i) for i, window in enumerate(windows) if len(window))
            self._woken.notify()
        return asked.future.result()

    def close(self, *, wait: bool = True) -> None:
        """End the threads, and `wait` for that; who still waits is told `Cancelled`."""
        with self._woken:
            self._closed = True
            self._woken.notify()
        for thread in self._threads if wait else ():
            thread.join()

    def _blank(self, prompt: Prompt) -> Found:
        labelled = prompt.rows is not None and self.model.lm_head is not None
        rows = 0 if prompt.rows is None else len(prompt.rows)
        return np.zeros((0, 4), np.float32), np.zeros((0, rows), np.float32) if labelled else None

    def _feed(self) -> None:
        """Packs and starts steps."""
        with torch.inference_mode():
            while (ones := self._next()) is not None:
                try:
                    in_memory(self._start, ones, too_large=self._too_large)
                except BaseException as error:  # noqa: BLE001  # raised where it was asked for
                    _fail(ones, error)
        self._started.put(None)

    def _next(self) -> list[_One] | None:
        """Windows for one step, those of a prompt side by side; None at the end."""
        with self._woken:
            while not self._waiting and not self._closed:
                self._woken.wait()
            if self._closed:
                _fail(self._waiting, Cancelled("cancelled: the critic has been closed"))
                return None
            waiting = [one for one in self._waiting if not one[0].future.done()]
            prompts: dict[Prompt, int] = {}
            lengths = [
                (
                    prompts.setdefault(asked.prompt, len(prompts)),
                    len(asked.windows[number]) + len(asked.prompt),
                )
                for asked, number in waiting
            ]
            taken = fill(lengths, budget=self.budget.tokens, mixes=self._mixes)
            gone = set(taken)
            self._waiting = [one for i, one in enumerate(waiting) if i not in gone]
            return [waiting[i] for i in taken]

    def _start(self, ones: Sequence[_One]) -> list[None]:
        """One step onto the device, which may still be at work on it when this returns."""
        if not ones:
            return []
        model = self.model
        prompts = list(dict.fromkeys(asked.prompt for asked, _ in ones))
        windows = [asked.windows[number] for asked, number in ones]
        rows = sum(len(asked.prompt) + len(asked.windows[number]) for asked, number in ones)
        graphs = self.graphs
        if graphs is not None and not graphs.fits(rows, len(ones)):
            graphs = None
        shared = len(prompts) == 1 and graphs is None
        if shared:
            prefix = prompts[0].prefix(model)
        else:
            prefix = NO_PREFIX
            windows = [
                np.concatenate([asked.prompt.ids, window])
                for (asked, _), window in zip(ones, windows, strict=True)
            ]
        step = Step.of(windows, prefix=prefix.length, device=model.device)
        if graphs is not None:
            hidden = graphs.windows(step.ids, [len(window) for window in windows])
        else:
            hidden = model.windows(step.ids, step.packed, prefix)
        found: list[tuple[Tensor, Tensor | None]] = []
        at = 0
        for prompt in prompts:
            own = [
                window
                for (asked, _), window in zip(ones, windows, strict=True)
                if asked.prompt is prompt
            ]
            rows = sum(map(len, own))
            said = model.heads(hidden[at : at + rows], prompt.rows)
            tags = on_host(said.tags.float())
            labels = None if said.labels is None else on_host(said.labels.float())
            skip, start = 0 if shared else len(prompt), 0
            for window in own:
                end = start + len(window)
                part = slice(start + skip, end)
                found.append((tags[part], None if labels is None else labels[part]))
                start = end
            at += rows
        event = None
        if model.device.type == "cuda":
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(hidden.device))
        self.steps += 1
        self._started.put(_Started(ones, found, event))
        return [None] * len(ones)

    def _gather(self) -> None:
        """Waits for the device, and hands out."""
        while (started := self._started.get()) is not None:
            try:
                if started.event is not None:
                    started.event.synchronize()
                for (asked, number), (tags, labels) in zip(
                    started.ones, started.found, strict=True
                ):
                    own = None if labels is None else labels.numpy().copy()
                    asked.put(number, (tags.numpy().copy(), own))
            except BaseException as error:  # noqa: BLE001  # raised where it was asked for
                _fail(started.ones, error)

    def _too_large(self, ones: Sequence[_One]) -> None:
        self.budget.halve(sum(len(a.windows[i]) + len(a.prompt) for a, i in ones))


def _fail(ones: Sequence[_One], error: BaseException) -> None:
    for asked, _ in ones:
        if not asked.future.done():
            asked.future.set_exception(error)
