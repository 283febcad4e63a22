"""Whether a backend in another program samples from the policy that is trained."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch

from cprs.l1.batches import collate, score
from cprs.l1.example import Rollout
from cprs.l1.policy import Policy

COMPARED = 4
"""Outputs that are compared after each change of the policy."""
BOUND = 0.1
"""A mean difference that rounding (a few hundredths in bfloat16) does not come to."""


def sampler_gap(policy: Policy, groups: Sequence[Sequence[Rollout]]) -> float | None:
    """The mean over tokens of |log π(policy) − log π(backend)|, both at temperature 1, of the
    outputs with the shortest prompts; None where the backend told none."""
    told = [one for one in chain.from_iterable(group[:1] for group in groups) if one.logprobs]
    told = sorted(told, key=lambda one: len(one.prompt_ids))[:COMPARED]
    if not told:
        return None
    batch = collate(
        [(one.prompt_ids, one.ids) for one in told], pad=policy.pad, device=policy.device
    )
    with torch.no_grad():
        ours, _ = score(policy, batch)
    apart = [
        (row[: len(one.ids)].cpu() - torch.tensor(one.logprobs)).abs()
        for one, row in zip(told, ours.float(), strict=True)
    ]
    return float(torch.cat(apart).mean())
