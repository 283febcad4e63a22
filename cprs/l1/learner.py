"""The optimizer's side of a step: groups of outputs, or triplets, into an update of the policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cprs.errors import CprsError
from cprs.l1.batches import Batch, collate, micro_batches, score
from cprs.l1.dynamic_sampling import Group
from cprs.l1.objective import group_advantages, normaliser, policy_terms
from cprs.l1.policy import Policy
from cprs.l1.recipe import Recipe
from cprs.l1.record import BAD_BATCH, write_bad_batch
from cprs.l1.sft import sft_loss
from cprs.l1.world import World

Pair = tuple[Sequence[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a step's updates came to: means over them of `loss` and `gradient` norm, and over their
    tokens of the rest."""

    updates: int
    loss: float
    gradient: float
    clipped: float = 0.0
    kl: float = 0.0
    drift: float = 0.0
    entropy: float = 0.0


@dataclass(frozen=True, slots=True)
class _Output:
    """An output to learn from: its advantage and, token by token, its log-probabilities under the
    sampling and the reference policy."""

    pair: Pair
    advantage: float
    old: Tensor | None
    reference: Tensor | None


class Learner:
    """AdamW over a policy's parameters, by a recipe. What cannot be learnt from, because a loss is
    not finite, is left in `folder`."""

    def __init__(self, policy: Policy, recipe: Recipe, folder: Path, world: World) -> None:
        self._policy = policy
        self._recipe = recipe
        self._folder = folder
        self._world = world
        self.reference: Policy | None = None
        self.optimizer: Any = None
        self.rate = 0.0

    def begin(self, rate: float) -> None:
        """A new optimizer, at another rate."""
        self.rate = rate
        parameters = self._policy.trained()
        wide = [p for p in parameters if p.ndim > 1]
        thin = [p for p in parameters if p.ndim <= 1]
        groups = [
            {"params": wide, "weight_decay": self._recipe.decay},
            {"params": thin, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=rate)

    def pace(self, step: int) -> float:
        """The rate of a stage's step (from 0): up to the whole over the warm-up's steps."""
        share = min(1.0, (step + 1) / self._recipe.warmup) if self._recipe.warmup else 1.0
        for group in self.optimizer.param_groups:
            group["lr"] = share * self.rate
        return share * self.rate

    def imitate(self, pairs: Sequence[Pair], *, step: int) -> Learnt:
        """One update towards the outputs (eq. 11)."""

        def loss(batch: Batch, _: list[int], weight: float) -> tuple[Tensor, list[float]]:
            logprobs, _none = score(self._policy, batch)
            found = sft_loss(logprobs, batch.mask, sequences=len(pairs))
            return found * weight, []

        self.pace(step)
        total, norm, _ = self._descend(pairs, loss, names=[])
        return Learnt(1, total, norm)

    def reinforce(self, groups: Sequence[Group], *, step: int) -> Learnt:
        """An update per `mini` groups towards what was better than the rest of its group (eq. 4
        to 8)."""
        recipe = self._recipe
        self.pace(step)
        rewards = torch.tensor([[one.reward for one in group.judged] for group in groups])
        advantages = group_advantages(rewards, scale=recipe.scale_advantages).tolist()
        minis = [
            range(i, min(i + recipe.mini, len(groups))) for i in range(0, len(groups), recipe.mini)
        ]
        outputs = self._outputs(groups, advantages, sampled_elsewhere=len(minis) > 1)
        losses, norms = [], []
        sums = [0.0] * 5
        for mini in minis:
            chosen = [one for number in mini for one in outputs[number]]
            loss, norm, found = self._one(chosen, [groups[number].example.uid for number in mini])
            losses.append(loss)
            norms.append(norm)
            sums = [a + b for a, b in zip(sums, found, strict=True)]
        tokens = max(sums[0], 1.0)
        clipped, kl, drift, entropy = (value / tokens for value in sums[1:])
        updates = len(minis)
        return Learnt(
            updates, sum(losses) / updates, sum(norms) / updates, clipped, kl, drift, entropy
        )

    def _outputs(
        self, groups: Sequence[Group], advantages: list[list[float]], *, sampled_elsewhere: bool
    ) -> list[list[_Output]]:
        """The groups' outputs; where several updates follow one sampling, with log-probabilities
        from before the first. They are computed here rather than taken from the sampler, whose
        arithmetic may differ."""
        flat = [(r.prompt_ids, r.ids) for group in groups for r in group.rollouts]
        none: list[Tensor | None] = [None] * len(flat)
        old = self._logprobs(self._policy, flat) if sampled_elsewhere else none
        reference = self._logprobs(self.reference, flat) if self.reference else none
        values = [value for row in advantages for value in row]
        rows = iter(zip(flat, values, old, reference, strict=True))
        return [[_Output(*next(rows)) for _ in group.rollouts] for group in groups]

    def _logprobs(self, policy: Policy, pairs: Sequence[Pair]) -> list[Tensor | None]:
        found: list[Tensor | None] = [None] * len(pairs)
        for numbers in self._parts(pairs):
            batch = self._collate([pairs[number] for number in numbers])
            with torch.no_grad():
                logprobs, _ = score(policy, batch, temperature=self._recipe.temperature)
            for number, row in zip(numbers, logprobs, strict=True):
                found[number] = row[: len(pairs[number][1])]
        return found

    def _one(self, outputs: Sequence[_Output], uids: list[str]) -> tuple[float, float, list[float]]:
        recipe = self._recipe
        lengths = torch.tensor([len(one.pair[1]) for one in outputs])
        divisor = normaliser(lengths, aggregation=recipe.aggregation)

        def loss(batch: Batch, numbers: list[int], weight: float) -> tuple[Tensor, list[float]]:
            chosen = [outputs[number] for number in numbers]
            logprobs, entropy = score(
                self._policy,
                batch,
                temperature=recipe.temperature,
                entropy=True,
                entropy_gradient=recipe.entropy_weight > 0,
            )
            mask = batch.mask * weight
            old = _padded([one.old for one in chosen], logprobs)
            terms = policy_terms(
                logprobs,
                logprobs.detach() if old is None else old,
                torch.tensor([one.advantage for one in chosen], device=mask.device),
                mask,
                divisor=divisor,
                low=recipe.clip_low,
                high=recipe.clip_high,
                aggregation=recipe.aggregation,
                reference=_padded([one.reference for one in chosen], logprobs),
                beta=recipe.beta,
                entropy=entropy,
                entropy_weight=recipe.entropy_weight,
            )
            seen = [float(mask.sum()), terms.clipped, terms.kl, terms.drift, terms.entropy]
            return terms.loss, seen

        return self._descend([one.pair for one in outputs], loss, names=uids, sums=5)

    def _descend(
        self, pairs: Sequence[Pair], loss: Any, *, names: list[str], sums: int = 0
    ) -> tuple[float, float, list[float]]:
        """One update over all pairs, a micro-batch at a time: the loss, the gradient's norm, and
        the sums of what `loss` saw."""
        self.optimizer.zero_grad(set_to_none=True)
        total, seen = 0.0, [0.0] * sums
        parts = self._parts(pairs)
        rounds = -(-len(parts) // self._world.size)
        for number in range(rounds):
            place = number * self._world.size + self._world.rank
            # Sharded processes go forward together: one with nothing left to do counts for nothing.
            idle = place >= len(parts)
            numbers = parts[0 if idle else place]
            batch = self._collate([pairs[one] for one in numbers])
            part, found = loss(batch, numbers, 0.0 if idle else 1.0)
            (part * self._world.size).backward()
            total += float(part.detach())
            seen = [a + b for a, b in zip(seen, found, strict=True)]
        norm = _norm(torch.nn.utils.clip_grad_norm_(self._policy.trained(), self._recipe.clip))
        total, *seen = self._world.total([total, *seen])
        if not isfinite(total) or not isfinite(norm):
            raise self._bad(pairs, names, total, norm)
        self.optimizer.step()
        return total, norm, seen

    def _bad(self, pairs: Sequence[Pair], names: list[str], loss: float, norm: float) -> CprsError:
        path = self._folder / BAD_BATCH
        if self._world.first:
            write_bad_batch(self._folder, pairs, loss=loss, gradient=norm, uids=names)
        return CprsError(
            f"the loss is {loss}, its gradient {norm}: stopped before the update; the batch is in"
            f" {path}; the last checkpoint, where there is one, is from before it"
        )

    def _parts(self, pairs: Sequence[Pair]) -> list[list[int]]:
        lengths = [len(prompt) + len(output) for prompt, output in pairs]
        return micro_batches(lengths, tokens=self._recipe.micro_tokens)

    def _collate(self, pairs: Sequence[Pair]) -> Batch:
        return collate(pairs, pad=self._policy.pad, device=self._policy.device)


def _padded(rows: Sequence[Tensor | None], like: Tensor) -> Tensor | None:
    if rows[0] is None:
        return None
    made = torch.zeros_like(like)
    for row, values in zip(made, rows, strict=True):
        if values is not None:
            row[: len(values)] = values
    return made


def _norm(value: Any) -> float:
    return float(value.full_tensor() if hasattr(value, "full_tensor") else value)
