"""A hybrid's prompt: the instruction as system, the query as user, then the context opens.

The published checkpoint's layout (QwenLong-CPRS, arXiv 2505.18092, §2.1), of which each part is
tokenised by itself:

    <|im_start|>system\\n{instruction}<|im_end|>\\n
    <|im_start|>user\\n{query}<|im_end|>\\n
    <|im_start|>context\\n{window}
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cprs.critics.hybrid.tokens import BEGIN, END, Tokens
from cprs.guidance import Guidance

OUTSIDE = "outside"
"""The word whose first token stands for no label at all."""

Ids = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class RolesPrompt:
    """What stands before every window: `ids` (p,) int32. `rows` (1 + L,) int64, of the LM head:
    the first token of "outside" and of each label's words. `shortened`: it was too long."""

    ids: Ids
    rows: NDArray[np.int64]
    shortened: bool


def roles_prompt(tokens: Tokens, guidance: Guidance, *, room: int) -> RolesPrompt:
    """The prompt under a guidance, in at most `room` tokens: of what is too long both ends stay.

    Raises `WeightsError` where the vocabulary lacks the markers.
    """
    begin, end = tokens.marker(BEGIN), tokens.marker(END)
    # Heads are tokenised with what follows, as one text would be.
    system = tokens.ids(f"system\n{_instruction(guidance)}")
    user = tokens.ids(f"user\n{guidance.query}")
    rest: list[Ids] = [tokens.ids("\n"), tokens.ids("context\n")]
    left = max(room - 5 - 2 * len(rest[0]) - len(rest[1]), 2)
    longer = max(left - len(system), left // 2)
    kept = _ends(user, longer)
    told = _ends(system, left - len(kept))
    first, last = np.array([begin], np.int32), np.array([end], np.int32)
    ids = [first, told, last, rest[0], first, kept, last, rest[0], first, rest[1]]
    return RolesPrompt(
        ids=np.concatenate(ids),
        rows=label_rows(tokens, guidance),
        shortened=len(kept) < len(user) or len(told) < len(system),
    )


def prompt_warnings(prompt: RolesPrompt, guidance: Guidance) -> list[str]:
    """What whoever asked should know: it was too long, or labels cannot be told apart."""
    found: list[str] = []
    if prompt.shortened:
        found.append("instruction and query are too long: only their beginning and end count")
    first: dict[int, str] = {}
    for token, label in zip(prompt.rows[1:].tolist(), guidance.labels, strict=True):
        if first.setdefault(token, label) != label:
            found.append(
                f"labels {first[token]!r} and {label!r} begin alike and cannot be told apart:"
                " rename one"
            )
    return found


def label_rows(tokens: Tokens, guidance: Guidance) -> NDArray[np.int64]:
    """The LM head's rows (1 + L,) that say "outside" and each label: their words' first tokens; a
    label without tokens has 0."""
    first = [tokens.ids(word)[:1] for word in (OUTSIDE, *guidance.labels)]
    return np.array([int(ids[0]) if len(ids) else 0 for ids in first], np.int64)


def _instruction(guidance: Guidance) -> str:
    """The instruction, and the labels that it does not name."""
    unsaid = [label for label in guidance.labels if label not in guidance.instruction]
    labels = f"Labels: {', '.join(unsaid)}" if unsaid else ""
    return "\n".join(part for part in (guidance.instruction, labels) if part)


def _ends(ids: Ids, count: int) -> Ids:
    """Both ends of `ids`, `count` together."""
    if len(ids) <= count:
        return ids
    return np.concatenate([ids[: count - count // 2], ids[len(ids) - count // 2 :]])
