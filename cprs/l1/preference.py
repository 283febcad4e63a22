"""Training on pairs: plain DPO, SimPO or ORPO, and their SoLoPO forms."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cprs.errors import CprsError, OptionError, unknown
from cprs.l1.batches import collate, micro_batches, score
from cprs.l1.curriculum import check_size
from cprs.l1.names import METHODS
from cprs.l1.pairs import PreferencePair
from cprs.l1.policy import Policy, frozen
from cprs.l1.prompt import Prompts
from cprs.l1.record import STEPS, write_bad_batch
from cprs.l1.solopo import Answered, solo_loss
from cprs.l1.stream import Stream

ALPHA = {"dpo": 3.0, "simpo": 1.0, "orpo": 1.0}
"""As reported for a 7B model."""


@dataclass(frozen=True, slots=True)
class PreferenceOptions:
    """How to train on pairs: the `method`, `alpha` for its SoLoPO form (0: the plain method on
    the short text), whether the plain method is on the long text instead (`on_long`); `beta`,
    `gamma`, `odds` (λ) as the methods have them; `detach_short`; `steps` of `batch` pairs at
    `rate`, gradients clipped to `clip`."""

    method: str = "orpo"
    alpha: float = 1.0
    on_long: bool = False
    beta: float = 0.1
    gamma: float = 0.5
    odds: float = 0.1
    detach_short: bool = False
    steps: int = 100
    batch: int = 64
    rate: float = 1e-6
    clip: float = 1.0
    decay: float = 0.01
    micro_tokens: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise `OptionError` for what means nothing."""
        if self.method not in METHODS:
            raise unknown("method", self.method, METHODS)
        for name in ("steps", "batch", "micro_tokens"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("rate", "clip", "beta"):
            if getattr(self, name) <= 0:
                raise OptionError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("alpha", "gamma", "odds", "decay"):
            if getattr(self, name) < 0:
                raise OptionError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.on_long and self.alpha:
            raise OptionError("on_long is the plain method on the long text: set alpha: 0")


@dataclass(frozen=True, slots=True)
class PreferenceStep:
    """A step: the `loss`, its `preference` and `alignment` terms, the share of pairs with the
    right answer ahead (`correct`)."""

    step: int
    loss: float
    preference: float
    alignment: float
    correct: float


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """A pair as token ids: the `short` and the `long` prompt, the `chosen` and the `rejected`
    output with their end."""

    uid: str
    short: tuple[int, ...]
    long: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]


def train_on_pairs(
    policy: Policy,
    pairs: Sequence[PreferencePair],
    options: PreferenceOptions,
    prompts: Prompts,
    folder: Path | None = None,
    *,
    progress: Callable[[PreferenceStep], None] | None = None,
) -> list[PreferenceStep]:
    """Train `policy` in place; steps also go into `steps.csv` in `folder`, as they are taken.

    Pairs whose long prompt is over the limit are dropped and counted there. Raises `OptionError`
    for fewer pairs than a batch, `CprsError` for a loss that is not finite, with its batch left in
    `folder`.
    """
    encoded = [one for pair in pairs if (one := encode_pair(policy, pair, prompts)) is not None]
    over = len(prompts.dropped)
    said = f" or raise the limit of prompts, {prompts.limit:,} tokens: {over:,} are over it"
    otherwise = "lower the batch" + (said if over else "")
    check_size("the set of pairs", len(encoded), options.batch, otherwise=otherwise)
    reference = frozen(policy) if options.method == "dpo" else None
    optimizer = torch.optim.AdamW(policy.trained(), lr=options.rate, weight_decay=options.decay)
    stream = Stream(encoded, seed=options.seed)
    done: list[PreferenceStep] = []
    for step in range(1, options.steps + 1):
        optimizer.zero_grad(set_to_none=True)
        batch = [next(stream) for _ in range(options.batch)]
        sums = [0.0] * 4
        for numbers in micro_batches([_size(one) for one in batch], tokens=options.micro_tokens):
            part = [batch[number] for number in numbers]
            share = len(part) / len(batch)
            found = _loss(policy, reference, part, options)
            (found.loss * share).backward()
            values = (found.loss, found.preference, found.alignment, torch.tensor(found.correct))
            sums = [a + share * float(b.detach()) for a, b in zip(sums, values, strict=True)]
        norm = float(torch.nn.utils.clip_grad_norm_(policy.trained(), options.clip))
        if not isfinite(sums[0]) or not isfinite(norm):
            raise _bad(folder, batch, step, sums[0], norm)
        optimizer.step()
        done.append(PreferenceStep(step, *sums))
        if folder is not None:
            _write(folder, done[-1])
        if progress is not None:
            progress(done[-1])
    return done


def _loss(
    policy: Policy,
    reference: Policy | None,
    part: Sequence[EncodedPair],
    options: PreferenceOptions,
) -> Any:
    home = [one.long if options.on_long else one.short for one in part]
    chosen = [one.chosen for one in part]
    long = None
    if options.alpha:
        long = _answered(policy, reference, [one.long for one in part], chosen)
    return solo_loss(
        options.method,
        _answered(policy, reference, home, chosen),
        _answered(policy, reference, home, [one.rejected for one in part]),
        long,
        alpha=options.alpha,
        beta=options.beta,
        gamma=options.gamma,
        odds=options.odds,
        detach_short=options.detach_short,
    )


def _answered(
    policy: Policy,
    reference: Policy | None,
    prompts: Sequence[tuple[int, ...]],
    outputs: Sequence[tuple[int, ...]],
) -> Answered:
    pairs = list(zip(prompts, outputs, strict=True))
    batch = collate(pairs, pad=policy.pad, device=policy.device)

    def total(of: Policy) -> Tensor:
        logprobs, _ = score(of, batch)
        return (logprobs * batch.mask).sum(dim=-1)

    before = None
    if reference is not None:
        with torch.no_grad():
            before = total(reference)
    return Answered(total(policy), batch.mask.sum(dim=-1), before)


def encode_pair(policy: Policy, pair: PreferencePair, prompts: Prompts) -> EncodedPair | None:
    """The pair's tokens, or None where a prompt is over the limit and dropped."""
    short, long = prompts.encode(pair.short), prompts.encode(pair.long)
    if short is None or long is None:
        return None
    chosen, rejected = (
        (*policy.tokenizer.encode(text, add_special_tokens=False), policy.end)
        for text in (pair.chosen, pair.rejected)
    )
    return EncodedPair(pair.uid, short, long, chosen, rejected)


def _bad(
    folder: Path | None, batch: Sequence[EncodedPair], step: int, loss: float, norm: float
) -> CprsError:
    said = f"step {step}: the loss is {loss}, its gradient {norm}: stopped before the update"
    if folder is not None:
        outputs = [
            pair
            for one in batch
            for pair in ((one.short, one.chosen), (one.short, one.rejected), (one.long, one.chosen))
        ]
        uids = [one.uid for one in batch]
        path = write_bad_batch(folder, outputs, loss=loss, gradient=norm, uids=uids)
        said += f"; the batch is in {path}"
    return CprsError(f"{said}; lower the rate")


def _size(one: EncodedPair) -> int:
    """Tokens of the three sequences that a pair takes forward."""
    return 2 * len(one.short) + len(one.long) + 2 * len(one.chosen) + len(one.rejected)


def _write(folder: Path, step: PreferenceStep) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / STEPS).open("w" if step.step == 1 else "a", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, [field.name for field in fields(PreferenceStep)])
        if step.step == 1:
            writer.writeheader()
        writer.writerow(asdict(step))
