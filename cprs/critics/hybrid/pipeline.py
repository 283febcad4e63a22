"""One queue before the model, whoever asks: windows of all requests, read together in steps.

Three stages at a time, each in a thread of its own: callers cut and tokenise texts, `_feed` packs
what waits and starts it on the device, which answers before the work is done, and `_gather` waits
for the device and hands out what it found. So a GPU has the next step before it has ended one.

Windows under one prompt share its states. Where a step has windows under several prompts, and the
prompt may see the window (`prefix="exact"`), each window carries its own prompt instead: the same
to the model, which sees the same tokens at the same places. Under a `frozen` prompt it would not
be, and steps are of one prompt each.

Under `effort="fast"` a model with a probe reads windows in two stages (`submit`): begun are all of
them, and those that its probe finds probable go on from there.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import Queue

import numpy as np
import torch

from cprs.critics.hybrid.asked import Asked, Found, One, Prompt, Stage
from cprs.critics.hybrid.graphs import Graphs
from cprs.critics.hybrid.held import Begun
from cprs.critics.hybrid.memory import Allowance, Budget, in_memory
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.packing import Ids, fill
from cprs.critics.hybrid.stepping import Started, start
from cprs.errors import Cancelled

AHEAD = 2
"""Steps that are on the device or wait there."""


class Pipeline:
    """Reads windows on one model; small steps by `graphs`, where there are any. `holding`: rows of
    windows that were begun. Safe for many threads; its own end with `close`."""

    def __init__(
        self, model: HybridModel, *, budget: Budget | None = None, graphs: Graphs | None = None
    ) -> None:
        self.model = model
        self.graphs = graphs
        each = model.dtype.itemsize
        self.budget = budget or Budget.of(model.config, model.device, bytes_each=each)
        self.holding = Allowance.of(model.config, model.device, bytes_each=each)
        self.steps = 0
        self._mixes = model.config.prefix == "exact"
        self._waiting: list[One] = []
        self._woken = threading.Condition()
        self._closed = False
        self._started: Queue[Started | None] = Queue(maxsize=AHEAD)
        self._threads = [
            threading.Thread(target=target, name=f"cprs-hybrid-{name}", daemon=True)
            for name, target in (("feed", self._feed), ("gather", self._gather))
        ]
        for thread in self._threads:
            thread.start()

    def read(self, prompt: Prompt, windows: Sequence[Ids | Begun]) -> list[Found]:
        """What the heads say of every window, in their order; of those begun, the layers behind
        the probe go on.

        Raises what the model raises, `CprsError` where memory does not suffice for one window, and
        `Cancelled` once this is closed.
        """
        places: dict[Stage, list[int]] = {}
        for i, window in enumerate(windows):
            stage = Stage.END if isinstance(window, Begun) else Stage.WHOLE
            places.setdefault(stage, []).append(i)
        asked = {
            stage: self.submit(prompt, [windows[i] for i in own], stage)
            for stage, own in places.items()
        }
        found: dict[int, Found] = {}
        for stage, own in places.items():
            found |= zip(own, asked[stage].future.result(), strict=True)
        return [found[i] for i in range(len(windows))]

    def submit(self, prompt: Prompt, windows: Sequence[Ids | Begun], stage: Stage) -> Asked:
        """Have windows, one at least, read in one stage. Raises `Cancelled` once this is closed."""
        asked = Asked(prompt, windows, stage)
        for number, window in enumerate(windows):
            if not len(window):
                asked.put(number, self._blank(prompt))
        with self._woken:
            if self._closed:
                raise Cancelled("cancelled: the critic has been closed")
            self._waiting.extend((asked, i) for i, window in enumerate(windows) if len(window))
            self._woken.notify()
        return asked

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
        # A thread begins on the first GPU, where a graph of another's kernels would record nothing.
        with torch.inference_mode(), torch.cuda.device_of(self.model.embed):
            while (ones := self._next()) is not None:
                try:
                    in_memory(self._start, ones, too_large=self._too_large)
                except BaseException as error:  # noqa: BLE001  # raised where it was asked for
                    _fail(ones, error)
                # Or what they hold would be held until the next step.
                del ones
        self._started.put(None)

    def _next(self) -> list[One] | None:
        """Windows in one stage for one step, those of a prompt side by side; None at the end."""
        with self._woken:
            while not self._waiting and not self._closed:
                self._woken.wait()
            if self._closed:
                _fail(self._waiting, Cancelled("cancelled: the critic has been closed"))
                return None
            self._waiting = [one for one in self._waiting if one[0].waits]
            stage = self._waiting[0][0].stage if self._waiting else Stage.WHOLE
            alike = [one for one in self._waiting if one[0].stage is stage]
            prompts: dict[Prompt, int] = {}
            lengths = [
                (
                    prompts.setdefault(asked.prompt, len(prompts)),
                    len(asked.windows[number]) + len(asked.prompt),
                )
                for asked, number in alike
            ]
            mixes = self._mixes and stage is Stage.WHOLE
            taken = [alike[i] for i in fill(lengths, budget=self.budget.tokens, mixes=mixes)]
            gone = {(id(asked), number) for asked, number in taken}
            self._waiting = [(asked, i) for asked, i in self._waiting if (id(asked), i) not in gone]
            return taken

    def _start(self, ones: Sequence[One]) -> list[None]:
        """One step onto the device, which may still be at work on it when this returns."""
        if ones:
            started = start(self.model, ones, graphs=self.graphs)
            self.steps += 1
            self._started.put(started)
        return [None] * len(ones)

    def _gather(self) -> None:
        """Waits for the device, and hands out."""
        while (started := self._started.get()) is not None:
            try:
                if started.event is not None:
                    started.event.synchronize()
                for place, ((asked, number), (tags, labels)) in enumerate(
                    zip(started.ones, started.said, strict=True)
                ):
                    values = tags.numpy().copy()
                    if started.held is not None:
                        asked.put(number, Begun(values, started.held, place))
                    else:
                        own = None if labels is None else labels.numpy().copy()
                        asked.put(number, (values, own))
            except BaseException as error:  # noqa: BLE001  # raised where it was asked for
                _fail(started.ones, error)
            del started

    def _too_large(self, ones: Sequence[One]) -> None:
        self.budget.halve(sum(len(a.windows[i]) + len(a.prompt) for a, i in ones))


def _fail(ones: Sequence[One], error: BaseException) -> None:
    for asked, _ in ones:
        asked.fail(error)
