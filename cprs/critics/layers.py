"""The reasoning layers in use: what each token of a window says, as scores of its passages.

After QwenLong-CPRS (arXiv 2505.18092): bidirectional layers over [instruction + query ; window],
a BIOE tag head and a label distribution. Here they correct a prior's log-odds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cprs.critics.inquiry import Prompt, Reading
from cprs.critics.runtimes import Runtime, RuntimeName, open_runtime

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

INPUTS = ("prompt", "prompt_tokens", "window", "window_tokens", "passages", "labels")
"""What the layers' file is given, in this order."""
LONGEST = 512
"""Tokens of a prompt, and of a window, at most."""
HEADS = 7
"""Numbers per token before the labels': evidence, attention, B, I, O, E, outside."""
OUTSIDE = 2
"""Where tags say O."""
ODDS_SCALE = 5.0
"""The prior's log-odds are divided by this to be read beside the other features."""
KIND_WEIGHT = 0.5
"""What the head for labels adds where things of a kind are asked for. The head for evidence learns
to find answers; which kind of thing a token is, the labels' sees more directly."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the reasoning layers see of one window of t tokens and u passages under one question.

    `states` (t, d); `units` (u, 2); `tokens` (t, k), `passages` (u, f), `odds` (u,) as in
    `Reading`; `prompt` (q, d), `prompt_tokens` (q, k), `labels` (L, d) as in `Prompt`. `kinds`:
    things of the labels' kinds are asked for, and `labels` are the prompt's `kinds`.
    """

    states: Floats
    units: NDArray[np.integer[Any]]
    tokens: Floats
    passages: Floats
    odds: Floats
    prompt: Floats
    prompt_tokens: Floats
    labels: Floats
    kinds: bool

    @classmethod
    def of(
        cls, prompt: Prompt, reading: Reading, states: Floats, units: NDArray[np.integer[Any]]
    ) -> Given:
        """A window's, as it is asked."""
        return cls(
            states=states,
            units=units,
            tokens=reading.tokens,
            passages=reading.passages,
            odds=reading.odds.astype(np.float32),
            prompt=prompt.states,
            prompt_tokens=prompt.tokens,
            labels=prompt.kinds if len(prompt.kinds) else prompt.labels,
            kinds=len(prompt.kinds) > 0,
        )


@dataclass(frozen=True, slots=True)
class Said:
    """`correction` (u,) to the prior's log-odds; probabilities `tags` (t, 4) over B I O E and
    `labels` (t, L), "outside" having the rest."""

    correction: Doubles
    tags: Floats
    labels: Floats


class Layers(Protocol):
    """Something that runs the layers: trained weights on torch, or the exported file."""

    @property
    def name(self) -> str:
        """Identifies the weights and what runs them."""
        ...

    def __call__(self, given: Given) -> Floats:
        """The heads' numbers (t, HEADS + L) of one window. Thread-safe."""
        ...


class ExportedLayers:
    """The layers' ONNX file on a CPU runtime."""

    def __init__(self, runtime: Runtime, *, digest: str) -> None:
        self._run = runtime
        self.name = f"layers-{digest[:8]}"

    @classmethod
    def load(
        cls, path: Path, *, digest: str, runtime: RuntimeName = "auto", threads: int
    ) -> ExportedLayers:
        """Load the file at `path`. Raises `WeightsError` where it cannot be run."""
        return cls(open_runtime(path, runtime, threads=threads), digest=digest)

    def __call__(self, given: Given) -> Floats:
        """Read one window."""
        known = np.concatenate([given.passages, given.odds[:, None] / np.float32(ODDS_SCALE)], 1)
        count = len(given.labels)
        labels = given.labels if count else np.zeros((1, given.prompt.shape[1]), np.float32)
        said = self._run(
            given.prompt[None],
            given.prompt_tokens[None],
            given.states[None],
            given.tokens[None],
            known[owner_of(given.units)][None],
            labels[None],
        )
        heads: Floats = said[0, :, : HEADS + count]
        return heads


def interpret(given: Given, heads: Floats) -> Said:
    """What the numbers (t, HEADS + L) mean, beside the prior. All zeros mean nothing new.

    A passage's correction is the mean of its tokens' values, weighted by softmax(attention).
    Where the corrected log-odds of a token are z, B, I and E share σ(z) and so do the labels, and
    the heads' numbers are added to those logits.
    """
    owner, starts = owner_of(given.units), given.units[:, 0]
    step, attention = heads[:, 0].astype(np.float64), heads[:, 1].astype(np.float64)
    weight = np.exp(attention - np.maximum.reduceat(attention, starts)[owner])
    correction = np.add.reduceat(weight * step, starts) / np.add.reduceat(weight, starts)
    odds = (given.odds[owner] + step)[:, None]
    zero = np.zeros_like(odds)
    inside = odds - np.log(3)
    tags = heads[:, 2:6] + np.concatenate([inside, inside, zero, inside], axis=1)
    count = heads.shape[1] - HEADS
    shared = np.repeat(odds - np.log(max(count, 1)), count, axis=1)
    labels = heads[:, 6:] + np.concatenate([zero, shared], axis=1)
    return Said(correction, _softmax(tags), _softmax(labels)[:, 1:])


def evidence_odds(given: Given, heads: Floats, said: Said) -> Doubles:
    """Each passage's (u,) log-odds: the prior's, corrected, and where things of a kind are asked
    for, what the head for labels says of them."""
    odds: Doubles = given.odds.astype(np.float64) + said.correction
    return odds + KIND_WEIGHT * _kind_odds(given, heads) if given.kinds else odds


def _kind_odds(given: Given, heads: Floats) -> Doubles:
    """How far the token of each passage (u,) that most looks like one of the labels does so rather
    than like none, in log-odds."""
    named = heads[:, HEADS:].max(axis=1).astype(np.float64) - heads[:, HEADS - 1]
    return np.maximum.reduceat(named, given.units[:, 0])


def raised_tags(tags: Floats, odds: Doubles) -> Floats:
    """Probabilities `tags` (t, 4) where being evidence is worth `odds` (t,) more."""
    factor = np.ones(tags.shape)
    factor[:, OUTSIDE] = np.exp(-odds)
    share = tags * factor
    found: Floats = (share / share.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def raised_labels(labels: Floats, odds: Doubles) -> Floats:
    """Probabilities `labels` (t, L) where being each is worth `odds` (t, L) more beside the others
    and "outside", which has the rest."""
    share = labels * np.exp(odds)
    outside = 1 - labels.sum(axis=1, keepdims=True, dtype=np.float64)
    total = share.sum(axis=1, keepdims=True) + np.maximum(outside, 1e-6)
    found: Floats = (share / total).astype(np.float32)
    return found


def owner_of(units: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The passage (t,) each token belongs to, of passages `units` (u, 2)."""
    return np.repeat(np.arange(len(units)), units[:, 1] - units[:, 0])


def _softmax(logits: Doubles) -> Floats:
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = (share / share.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
