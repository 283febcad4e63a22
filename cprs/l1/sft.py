"""The warm-up: question, context and a good output (eq. 11)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from cprs.errors import OptionError, TextError
from cprs.l1.example import Example


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


def read_triplets(path: Path) -> list[Triplet]:
    """Triplets of a JSONL file: an example's names and `output`. Raises `TextError`, naming the
    line, for one that is none, and where there is none at all."""
    found: list[Triplet] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            found.append(_triplet(line, f"{path}:{number}"))
    if not found:
        raise TextError(f"{path}: holds no triplet; each line is a JSON object")
    return found


def _triplet(line: str, where: str) -> Triplet:
    try:
        values: dict[str, Any] = dict(json.loads(line))
        output = values.pop("output")
        values["answers"] = tuple(values["answers"])
        triplet = Triplet(Example(**{"context": "", **values}), output)
    except OptionError as error:
        raise TextError(f"{where}: {error}") from error
    except KeyError as error:
        raise TextError(f"{where}: needs {error.args[0]!r}") from error
    except (TypeError, ValueError) as error:
        raise TextError(f"{where}: no triplet of question, context and output: {error}") from error
    if not isinstance(output, str) or not output.strip():
        raise TextError(f"{where}: output must be a text")
    return triplet
