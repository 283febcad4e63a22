"""Where a hybrid's parts lie: one device, or layers spread over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch

from cprs.critics.hybrid.config import HybridConfig
from cprs.errors import OptionError

DeviceMap = str | Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Placement:
    """The device of the embeddings, of each layer, and of the last norm with both heads."""

    embed: torch.device
    layers: tuple[torch.device, ...]
    heads: torch.device

    @property
    def kind(self) -> str:
        """ "cpu" or "cuda": what most of the work runs on."""
        return str(self.layers[-1].type)


def place(
    config: HybridConfig, *, device: str = "cpu", device_map: DeviceMap | None = None
) -> Placement:
    """Everything on `device` ("cpu", "cuda", "cuda:1", "auto" for the first GPU if there is one),
    unless a `device_map` says otherwise: "auto" spreads the layers over all GPUs by their free
    memory, a device's name puts everything there, and a mapping of Hugging Face's module names
    ("model.embed_tokens", "model.layers.0", ..., "model.norm", "lm_head", "cls_head", or the
    beginning of one, "" for all) names the device of each.

    Raises `OptionError` for a device that is not here and for a part without one.
    """
    if isinstance(device_map, Mapping):
        return _mapped(config, device_map)
    if device_map == "auto":
        return _spread(config)
    one = open_device(device if device_map is None else device_map)
    return Placement(one, (one,) * config.layers, one)


def devices(named: str) -> list[str]:
    """The devices that a name names: those between commas, or "all" GPUs.

    >>> devices("cuda:0, cuda:1")
    ['cuda:0', 'cuda:1']

    Raises `OptionError` for a list with a gap, and for "all" where there is no GPU.
    """
    if named == "all":
        if not _gpus():
            raise OptionError("device 'all' means all GPUs, and torch sees none: use 'cpu'")
        return [f"cuda:{i}" for i in range(_gpus())]
    found = [name.strip() for name in named.split(",")]
    if not all(found):
        raise OptionError(f"device {named!r} names an empty one: write 'cuda:0,cuda:1'")
    return found


def open_device(name: str) -> torch.device:
    """The device called `name`, tried out. Raises `OptionError`, saying why, if it is no use."""
    try:
        found = torch.device("cuda" if name == "auto" else name)
    except (RuntimeError, TypeError) as error:
        raise OptionError(
            f"unknown device {name!r}; known: auto, cpu, cuda, cuda:1, ..."
        ) from error
    if found.type == "cpu":
        return torch.device("cpu")
    if found.type != "cuda":
        raise OptionError(
            f"a hybrid critic does not run on {name!r}; known: auto, cpu, cuda, cuda:1"
        )
    if name == "auto" and not _gpus():
        return torch.device("cpu")
    try:
        torch.cuda.init()
        count = torch.cuda.device_count()
        if found.index is not None and found.index >= count:
            raise OptionError(f"device {name!r} is not here: this machine has {count} of them")
        found = torch.device("cuda", found.index or 0)
        # A driver, or a GPU, that this torch was not built for shows at the first kernel.
        torch.ones(1, device=found).add_(1).item()
    except (RuntimeError, AssertionError) as error:
        if isinstance(error, OptionError):
            raise
        why = next(iter(str(error).strip().splitlines()), repr(error)).rstrip(".")
        raise OptionError(
            f"device {name!r} cannot be used: {why}; use device='cpu', or a torch built for this"
            " machine's driver and GPU"
        ) from error
    return found


def spread(sizes: Sequence[int], room: Sequence[int]) -> list[int]:
    """The device of each part, in order: parts of `sizes` in a row are shared out over devices
    with `room`, each getting as large a share of the whole as it has of the room.

    >>> spread([1, 1, 1, 1], [10, 10])
    [0, 0, 1, 1]
    """
    whole, all_room = sum(sizes) or 1, sum(room) or 1
    ends = [sum_ / all_room for sum_ in accumulate(room)]
    places, done = [], 0
    for size in sizes:
        middle = (done + size / 2) / whole
        places.append(next(i for i, end in enumerate(ends) if middle <= end or i == len(ends) - 1))
        done += size
    return places


def _spread(config: HybridConfig) -> Placement:
    count = _gpus()
    if count < 2:
        one = open_device("auto")
        return Placement(one, (one,) * config.layers, one)
    room = [torch.cuda.mem_get_info(i)[0] for i in range(count)]
    h, f, d = config.width, config.feed, config.head_width
    layer = h * d * 2 * (config.heads + config.key_heads) + 3 * h * f
    rows = config.vocabulary * h
    parts = spread([rows, *[layer] * config.layers, 0 if config.tied else rows], room)
    devices = [torch.device("cuda", i) for i in parts]
    return Placement(devices[0], tuple(devices[1:-1]), devices[-1])


def _mapped(config: HybridConfig, device_map: Mapping[str, str | int]) -> Placement:
    layers = [f"model.layers.{i}" for i in range(config.layers)]
    parts = ["model.embed_tokens", *layers, "model.norm", "lm_head", "cls_head"]
    for name in device_map:
        if not any(_within(part, str(name)) for part in parts):
            raise OptionError(f"device_map: the model has no {name!r}; it has {', '.join(parts)}")
    found = {part: open_device(_named(device_map, part)) for part in parts}
    heads = {found["model.norm"], found["lm_head"], found["cls_head"]}
    if len(heads) > 1:
        raise OptionError("device_map: model.norm, lm_head and cls_head must be on one device")
    return Placement(
        embed=found["model.embed_tokens"],
        layers=tuple(found[name] for name in layers),
        heads=found["cls_head"],
    )


def _named(device_map: Mapping[str, str | int], part: str) -> str:
    """What the longest name in the map that `part` lies within says of it."""
    names = [name for name in device_map if _within(part, name)]
    if not names:
        raise OptionError(f"device_map says nothing of {part}: add it, or '' for the rest")
    device = device_map[max(names, key=len)]
    if str(device) == "disk":
        raise OptionError(f"device_map: {part} cannot stay on disk; CPU weights are memory-mapped")
    return f"cuda:{device}" if isinstance(device, int) else str(device)


def _within(part: str, name: str) -> bool:
    return name in ("", part) or part.startswith(f"{name}.")


def _gpus() -> int:
    """How many GPUs torch can use."""
    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
