"""The warm-up: question, context and a good output (eq. 11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from cprs.errors import TextError
from cprs.l1.example import Example, example_of
from cprs.l1.jsonl import read_objects
from cprs.l1.policy import Policy
from cprs.l1.prompt import Prompts


@dataclass(frozen=True, slots=True)
class Triplet:
    """An example and the output y* to learn, as its text: thinking and answer."""

    example: Example
    output: str


def sft_loss(logprobs: Tensor, mask: Tensor, *, sequences: int) -> Tensor:
    """-E[(1/|y*|) Σ_t log π(y*_t | x, c, y*_<t)] (eq. 11): each output counts the same, however
    long. `logprobs` and `mask` (1 on output tokens): (outputs, tokens); `sequences` is the number
    of outputs in the whole batch, of which this may be a part."""
    mask = mask.to(logprobs.dtype)
    lengths = mask.sum(dim=-1).clamp(min=1)
    return -((logprobs * mask).sum(dim=-1) / lengths).sum() / sequences


def encode_triplets(
    policy: Policy, triplets: Iterable[Triplet], prompts: Prompts
) -> list[tuple[Sequence[int], Sequence[int]]]:
    """(prompt, output) token ids, outputs with their end; prompts over the limit are left out."""
    pairs: list[tuple[Sequence[int], Sequence[int]]] = []
    for triplet in triplets:
        prompt = prompts.encode(triplet.example)
        if prompt is not None:
            output = policy.tokenizer.encode(triplet.output, add_special_tokens=False)
            pairs.append((prompt, (*output, policy.end)))
    return pairs


def read_triplets(path: Path) -> list[Triplet]:
    """Triplets of a JSONL file: an example's names and `output`. Raises `TextError`, naming the
    line, for one that is none, and where there is none at all."""
    found = [_triplet(values, where) for where, values in read_objects(path)]
    if not found:
        raise TextError(f"{path}: holds no triplet; each line is a JSON object")
    return found


def _triplet(values: dict[str, Any], where: str) -> Triplet:
    output = values.pop("output", None)
    if not isinstance(output, str) or not output.strip():
        raise TextError(f"{where}: a triplet needs an output, as a text")
    return Triplet(example_of(values, where), output)
