"""Samples of different lengths as tensors of one: padded, masked, on a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, device, from_numpy

from cprs.critics.layers import Given, owner_of
from cprs.train.reason.reasoner import Inputs
from cprs.train.reason.store import Asked, Judged


@dataclass(frozen=True, slots=True)
class Goals:
    """What b windows should give: `tags`, `labels` (b, t) int64, `token_weight`, `label_weight`
    (b, t); `target`, `weight` (b, u); `smoothing` (b, 1), and `group` (b,), the question of each.
    """

    tags: Tensor
    labels: Tensor
    token_weight: Tensor
    label_weight: Tensor
    target: Tensor
    weight: Tensor
    smoothing: Tensor
    group: Tensor


class Samples(Protocol):
    """What is trained on: windows by number, `questions` the numbers of each question's, `sources`
    the set each is of, and `about` what they were made of."""

    @property
    def questions(self) -> list[list[int]]: ...
    @property
    def sources(self) -> list[str]: ...
    @property
    def about(self) -> dict[str, Any]: ...
    def __getitem__(self, number: int) -> Judged[Asked]: ...


def inputs_of(given: Sequence[Given], *, on: device | None = None) -> Inputs:
    """What the reasoning layers read of several windows."""
    return Inputs(
        prompt=pad([g.prompt for g in given], on),
        prompt_tokens=pad([g.prompt_tokens for g in given], on),
        prompt_mask=pad([np.ones(len(g.prompt), bool) for g in given], on),
        window=pad([g.states for g in given], on),
        window_tokens=pad([g.tokens for g in given], on),
        window_mask=pad([np.ones(len(g.states), bool) for g in given], on),
        owner=pad([owner_of(g.units) for g in given], on),
        passages=pad([g.passages for g in given], on),
        odds=pad([g.odds for g in given], on),
        labels=pad([g.labels for g in given], on),
        labels_mask=pad([np.ones(len(g.labels), bool) for g in given], on),
        kinds=from_numpy(np.array([[g.kinds] for g in given])).to(on),
    )


def goals_of(
    samples: Sequence[Judged[Asked]],
    *,
    smoothing: tuple[float, float] = (0.0, 0.0),
    on: device | None = None,
) -> Goals:
    """What should come out; `smoothing` of exact and of coarse labels."""
    known = [np.minimum(s.weight, 1)[owner_of(s.given.units)] for s in samples]
    named = [w * (len(s.given.labels) > 0) for s, w in zip(samples, known, strict=True)]
    coarse = np.array([[smoothing[s.coarse]] for s in samples], np.float32)
    return Goals(
        tags=pad([s.tags.astype(np.int64) for s in samples], on),
        labels=pad([s.called * np.int64(len(s.given.labels) > 0) for s in samples], on),
        token_weight=pad(known, on),
        label_weight=pad(named, on),
        target=pad([s.target for s in samples], on),
        weight=pad([s.weight for s in samples], on),
        smoothing=from_numpy(coarse).to(on),
        group=from_numpy(np.array([s.question for s in samples], np.int64)).to(on),
    )


def pad(arrays: Sequence[NDArray[Any]], on: device | None, *, least: int = 1) -> Tensor:
    """Arrays (n, *tail) as (b, longest n, *tail), zeros behind; at least `least` long."""
    longest = max(least, *(len(array) for array in arrays))
    padded = np.zeros((len(arrays), longest, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return from_numpy(padded).to(on)
