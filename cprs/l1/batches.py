"""Prompts and outputs into tensors, and what a policy thinks of the outputs.

Prompts are padded on the left and outputs on the right, so that all outputs begin at one place and
only their positions need logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from cprs.errors import OptionError
from cprs.l1.objective import token_entropy, token_logprobs
from cprs.l1.policy import Policy

CHUNK = 1024
"""Positions whose logits are in float32 at a time."""
Tokens = Sequence[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids`, `attention` and `positions`: (outputs, prompt + output tokens); the `outputs`' ids and
    their `mask`: (outputs, output tokens)."""

    ids: Tensor
    attention: Tensor
    positions: Tensor
    outputs: Tensor
    mask: Tensor


def collate(pairs: Sequence[tuple[Tokens, Tokens]], *, pad: int, device: torch.device) -> Batch:
    """A batch of (prompt, output) token ids. Raises `OptionError` for an empty batch, prompt or
    output: nothing comes before the first token, or nothing is to be scored."""
    if not pairs or not all(prompt and output for prompt, output in pairs):
        raise OptionError("a batch needs at least one prompt and output, none of them empty")
    longest = max(len(prompt) for prompt, _ in pairs)
    most = max(len(output) for _, output in pairs)
    rows, seen = [], []
    for prompt, output in pairs:
        before, after = longest - len(prompt), most - len(output)
        rows.append([pad] * before + [*prompt, *output] + [pad] * after)
        seen.append([0] * before + [1] * (len(prompt) + len(output)) + [0] * after)
    ids = torch.tensor(rows, device=device)
    attention = torch.tensor(seen, device=device)
    positions = (attention.cumsum(dim=-1) - 1).clamp(min=0)
    return Batch(ids, attention, positions, ids[:, longest:], attention[:, longest:])


def score(
    policy: Policy,
    batch: Batch,
    *,
    temperature: float = 1.0,
    entropy: bool = False,
    entropy_gradient: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """log π of each output token at a temperature and, on demand, the entropy there: (outputs,
    output tokens) each. Gradients flow where torch records them; to the entropy only with
    `entropy_gradient`."""
    most = batch.outputs.shape[-1]
    with policy.precision():
        logits = policy.model(
            input_ids=batch.ids,
            attention_mask=batch.attention,
            position_ids=batch.positions,
            logits_to_keep=most + 1,
            use_cache=False,
        ).logits[:, :-1]
    parts: list[tuple[Tensor, Tensor]] = []
    for start in range(0, most, CHUNK):
        piece, ids = logits[:, start : start + CHUNK], batch.outputs[:, start : start + CHUNK]
        if most > CHUNK and torch.is_grad_enabled():
            # The float32 copy of a chunk is made again for the gradient instead of kept.
            found = checkpoint(_measured, piece, ids, temperature, entropy, use_reentrant=False)
        else:
            found = _measured(piece, ids, temperature, entropy)
        parts.append(found)
    logprobs = torch.cat([one for one, _ in parts], dim=-1)
    if not entropy:
        return logprobs, None
    spread = torch.cat([other for _, other in parts], dim=-1)
    return logprobs, spread if entropy_gradient else spread.detach()


def micro_batches(lengths: Sequence[int], *, tokens: int) -> list[list[int]]:
    """Numbers of sequences, the long ones first, in batches whose padded size (sequences times the
    longest) is at most `tokens`; a longer sequence is alone."""
    order = sorted(range(len(lengths)), key=lambda number: (-lengths[number], number))
    batches: list[list[int]] = []
    for number in order:
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= tokens:
            batches[-1].append(number)
        else:
            batches.append([number])
    return batches


def _measured(
    logits: Tensor, ids: Tensor, temperature: float, entropy: bool
) -> tuple[Tensor, Tensor]:
    logprobs = token_logprobs(logits, ids, temperature=temperature)
    if not entropy:
        return logprobs, logprobs
    return logprobs, token_entropy(logits, temperature=temperature)
