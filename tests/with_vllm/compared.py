"""What vLLM and torch make of the same windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hybrids import TEXT

from cprs.critics.base import TokenCritic, TokenScores
from cprs.critics.hybrid.critic import HybridCritic
from cprs.critics.hybrid.prompt import RolesPrompt, roles_prompt
from cprs.critics.hybrid.scoring import HybridScorer
from cprs.critics.hybrid.window import room
from cprs.critics.vllm.critic import VllmCritic
from cprs.formats import segment
from cprs.guidance import Guidance
from cprs.windows import Window, cut_windows

ASKED = (
    Guidance.parse("Tag facts with 'fact', proof with 'proof'.", "Who took the chair?"),
    Guidance.parse(query="What did it cost, and who was it that paid for all of it in the end?"),
)


def windows_of(critic: TokenCritic) -> list[Window]:
    """Windows of many lengths, full ones and one of a single token among them."""
    found: list[Window] = []
    # Several begin alike and go on differently: what is held of one must not serve another.
    alike = [TEXT * 2 + end for end in ("Maria", "Rain had fallen all night.", "a" * 40)]
    for text in (TEXT * 12, *alike, TEXT[:-1], "Rain had fallen", "a"):
        encoded = critic.encode(text)
        found += cut_windows(encoded, segment(text).passages, size=critic.window)
    return found


def compare(critic: VllmCritic, folder: Path) -> list[dict[str, Any]]:
    """Per guidance: the share of equal tags, and how far scores, tags and labels are apart."""
    reference, windows = HybridCritic.load(folder), windows_of(critic)
    found = []
    for guidance in ASKED:
        prompt, usual = critic.prompt(guidance), _usual(reference, guidance)
        # Held for several windows it is filled up; torch is then given the same.
        scorers = critic.ask(guidance, windows), HybridScorer(reference, prompt, guidance)
        mine, theirs = (scorer(windows, [()] * len(windows)) for scorer in scorers)
        tags = [_joined(scores, "tags") for scores in (mine, theirs)]
        found.append(
            {
                "windows": [len(window) for window in windows],
                "prompt": len(prompt.ids),
                "usual": np.array_equal(prompt.ids, usual.ids),
                "same": float((tags[0].argmax(1) == tags[1].argmax(1)).mean()),
                "kinds": np.bincount(tags[1].argmax(1), minlength=4).tolist(),
                "tags": float(np.abs(tags[0] - tags[1]).max()),
                "keep": float(np.abs(_joined(mine, "keep") - _joined(theirs, "keep")).max()),
                "labels": _labels_apart(mine, theirs),
            }
        )
    return found


def _usual(reference: HybridCritic, guidance: Guidance) -> RolesPrompt:
    return roles_prompt(reference.tokens, guidance, room=room(reference.model.config.window))


def _labels_apart(mine: Sequence[TokenScores], theirs: Sequence[TokenScores]) -> float | None:
    """None where neither has any."""
    if all(scores.labels is None for scores in (*mine, *theirs)):
        return None
    return float(np.abs(_joined(mine, "labels") - _joined(theirs, "labels")).max())


def _joined(scores: Sequence[TokenScores], name: str) -> Any:
    return np.concatenate([getattr(one, name) for one in scores])
