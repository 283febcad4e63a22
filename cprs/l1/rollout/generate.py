"""Sampling with transformers' `generate`: on a CPU, or one GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from cprs.errors import OptionError
from cprs.l1.batches import micro_batches
from cprs.l1.example import Rollout
from cprs.l1.policy import Policy
from cprs.l1.rollout.base import Ask, Sampling


class Generate:
    """Samples from the policy in place: nothing is copied.

    `tokens` bounds a batch: prompts and outputs, padded.
    """

    remote = False

    def __init__(self, *, tokens: int = 100_000) -> None:
        if tokens < 1:
            raise OptionError(f"tokens of a batch must be at least 1, got {tokens}")
        self._tokens = tokens
        self._policy: Policy | None = None

    def refresh(
        self, policy: Policy, weights: dict[str, Any] | None = None, *, write: bool = True
    ) -> None:
        """Remember the policy: its weights are those of the time it samples."""
        self._policy = policy

    def generate(
        self, asks: Sequence[Ask], sampling: Sampling, *, n: int, seed: int
    ) -> list[list[Rollout]]:
        """See `Backend.generate`. Raises `OptionError` before the first `refresh`."""
        policy = self._policy
        if policy is None:
            raise OptionError("no policy to sample from: call refresh first")
        rows = [(place, ask) for place, ask in enumerate(asks) for _ in range(n)]
        found: list[list[Rollout]] = [[] for _ in asks]
        lengths = [len(ask.ids) + sampling.longest for _, ask in rows]
        ends = policy.ends
        cuda = [policy.device] if policy.device.type == "cuda" else []
        was_training = policy.model.training
        policy.model.eval()
        forked = torch.random.fork_rng(devices=cuda)
        with forked, torch.no_grad(), policy.precision(), _as_asked(policy):
            torch.manual_seed(seed)
            for numbers in micro_batches(lengths, tokens=self._tokens):
                asked = [rows[number] for number in numbers]
                outputs = _sample(policy, [ask.ids for _, ask in asked], sampling, ends)
                for (place, ask), ids in zip(asked, outputs, strict=True):
                    found[place].append(_rollout(policy, ask, ids, ends))
        policy.model.train(was_training)
        return found


@contextmanager
def _as_asked(policy: Policy) -> Iterator[None]:
    """Without a model's own ways to sample, such as the penalty on repetition of Qwen's chat
    models: outputs would not be drawn from the policy that is trained."""
    from transformers import GenerationConfig

    own = policy.model.generation_config
    policy.model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        policy.model.generation_config = own


def _sample(
    policy: Policy,
    prompts: Sequence[tuple[int, ...]],
    sampling: Sampling,
    ends: frozenset[int],
) -> list[list[int]]:
    longest = max(len(prompt) for prompt in prompts)
    pad = policy.pad
    rows = [[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    seen = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    ids: Any = torch.tensor(rows, device=policy.device)
    made = policy.model.generate(
        input_ids=ids,
        attention_mask=torch.tensor(seen, device=policy.device),
        do_sample=True,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        max_new_tokens=sampling.longest,
        eos_token_id=sorted(ends),
        pad_token_id=pad,
        use_cache=True,
        # Each process has all weights and its own prompts: waiting for the others would never end
        # where one has more batches than they.
        synced_gpus=False,
    )
    return [_until_end(row, ends) for row in made[:, longest:].tolist()]


def _until_end(ids: list[int], ends: frozenset[int]) -> list[int]:
    """Up to and with the first end token: what follows is padding."""
    for place, one in enumerate(ids):
        if one in ends:
            return ids[: place + 1]
    return ids


def _rollout(policy: Policy, ask: Ask, ids: list[int], ends: frozenset[int]) -> Rollout:
    text = policy.tokenizer.decode(ids, skip_special_tokens=True)
    return Rollout(ask.uid, ask.ids, tuple(ids), (), text, ids[-1] in ends)
