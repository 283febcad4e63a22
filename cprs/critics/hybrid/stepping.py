"""One step of the model: windows onto the device, and what is found of them on its way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import torch
from cprs_kernels import Packed
from torch import Tensor

from cprs.critics.hybrid.asked import One, Prompt, Stage
from cprs.critics.hybrid.graphs import NO_PREFIX, Graphs
from cprs.critics.hybrid.held import Begun, Held
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.packing import Ids, Step, on_host

Said = tuple[Tensor, Tensor | None]
"""Of one window: tags (t, 4), labels (t, 1 + L)."""


@dataclass(frozen=True, slots=True)
class Started:
    """A step on its way: windows, what will be said of each, the rows that they leave in the first
    stage of two, and the event after which it is there."""

    ones: Sequence[One]
    said: Sequence[Said]
    held: Held | None
    event: torch.cuda.Event | None


def start(model: HybridModel, ones: Sequence[One], *, graphs: Graphs | None = None) -> Started:
    """Start a step of windows that are in one stage; small whole ones by `graphs`. The device may
    still be at work on it when this returns."""
    stage = ones[0][0].stage
    held: Held | None = None
    if stage is Stage.BEGIN:
        said, held = _begin(model, ones)
    elif stage is Stage.END:
        ones, said = _end(model, ones)
    else:
        said = _whole(model, ones, graphs)
    event = None
    if model.device.type == "cuda":
        event = torch.cuda.Event()
        # What is said last comes from the layers that ran last.
        at = model.norm.device if held is None else held.rows.device
        event.record(torch.cuda.current_stream(at))
    return Started(ones, said, held, event)


def _whole(model: HybridModel, ones: Sequence[One], graphs: Graphs | None) -> list[Said]:
    prompts = list(dict.fromkeys(asked.prompt for asked, _ in ones))
    windows = _ids(ones)
    rows = sum(len(asked.prompt) + len(asked.windows[number]) for asked, number in ones)
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
    said: list[Said] = []
    for prompt in prompts:
        lengths = [
            len(window)
            for (asked, _), window in zip(ones, windows, strict=True)
            if asked.prompt is prompt
        ]
        own, hidden = hidden.tensor_split([sum(lengths)])
        said += _heads(model, prompt, own, lengths, skip=0 if shared else len(prompt))
    return said


def _begin(model: HybridModel, ones: Sequence[One]) -> tuple[list[Said], Held]:
    prefix = ones[0][0].prompt.prefix(model)
    windows = _ids(ones)
    step = Step.of(windows, prefix=prefix.length, device=model.device)
    rows, tags = model.begin(step.ids, step.packed, prefix)
    lengths = [len(window) for window in windows]
    packed = Packed(step.packed.starts.to(rows.device), step.packed.longest, prefix.length)
    said: list[Said] = [(part, None) for part in on_host(tags.float()).split(lengths)]
    return said, Held(rows, packed, tuple(lengths))


def _end(model: HybridModel, ones: Sequence[One]) -> tuple[list[One], list[Said]]:
    """And the windows in the order in which their rows lie together."""
    prompt = ones[0][0].prompt
    batches: dict[Held, list[tuple[int, One]]] = {}
    for asked, number in ones:
        window = asked.windows[number]
        assert isinstance(window, Begun)
        batches.setdefault(window.held, []).append((window.place, (asked, number)))
    ordered: list[One] = []
    parts: list[Held] = []
    for held, members in batches.items():
        members.sort(key=lambda member: member[0])
        ordered += [one for _, one in members]
        parts.append(held.only([place for place, _ in members]))
    held = Held.joined(parts)
    hidden = model.end(held.rows, held.packed, prompt.prefix(model))
    return ordered, _heads(model, prompt, hidden, held.lengths)


def _ids(ones: Sequence[One]) -> list[Ids]:
    """The windows' token ids."""
    found: list[Ids] = []
    for asked, number in ones:
        window = asked.windows[number]
        assert not isinstance(window, Begun)
        found.append(window)
    return found


def _heads(
    model: HybridModel, prompt: Prompt, hidden: Tensor, lengths: Sequence[int], *, skip: int = 0
) -> list[Said]:
    """What both heads say of windows of these lengths, of the first `skip` tokens of each left
    out; on its way to the host."""
    found = model.heads(hidden, prompt.rows)
    tags = on_host(found.tags.float())
    labels = None if found.labels is None else on_host(found.labels.float())
    parts = [slice(start + skip, end) for start, end in pairwise(accumulate(lengths, initial=0))]
    return [(tags[part], None if labels is None else labels[part]) for part in parts]
