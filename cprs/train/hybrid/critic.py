"""A trained hybrid on torch, one window at a time: for measuring what training gave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from cprs.critics.base import State, TokenScores
from cprs.critics.hybrid.prompt import RolesPrompt, roles_prompt
from cprs.critics.hybrid.tokens import Tokens, load_tokens
from cprs.critics.hybrid.window import content, room
from cprs.critics.layers import owner_of
from cprs.guidance import Guidance
from cprs.train.extras import torch_device
from cprs.train.hybrid.collate import inputs_of
from cprs.train.hybrid.dataset import Given
from cprs.train.hybrid.folder import load_hybrid, weights_digest
from cprs.train.hybrid.model import CprsForTokenClassification
from cprs.windows import Encoded, Window


class HybridCritic:
    """Prompt and window through the whole model, for every window anew."""

    threshold = 0.5

    def __init__(self, model: CprsForTokenClassification, tokens: Tokens, *, digest: str) -> None:
        self._model = model
        self._tokens = tokens
        self._room = room(model.config.window)
        # One window at a time: torch spreads each over all cores by itself.
        self._turn = Lock()
        kind = str(model.dtype).removeprefix("torch.")
        self.name = f"hybrid-{digest[:8]}-{kind}-{model.device.type}"
        self.window = content(model.config.window)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> HybridCritic:
        """Load what `cprs train critic --base <a Qwen2>` wrote: in float32 on a CPU, in bfloat16
        on a GPU. Raises `WeightsError`, and `OptionError` for a device that is not here."""
        device = torch_device(device)
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        tokens = load_tokens(folder)
        model = load_hybrid(folder, dtype=dtype).to(device)
        return cls(model, tokens, digest=weights_digest(folder))

    def encode(self, text: str) -> Encoded:
        """The base's tokens."""
        return self._tokens.encode(text)

    def read(self, windows: Sequence[Window]) -> list[State]:
        """Nothing: the model reads no window without its prompt."""
        return [()] * len(windows)

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> HybridScorer:
        """Prepare the prompt."""
        prompt = roles_prompt(self._tokens, guidance, room=self._room)
        return HybridScorer(self._model, prompt, guidance, self._turn)


class HybridScorer:
    """The model under one prompt."""

    def __init__(
        self,
        model: CprsForTokenClassification,
        prompt: RolesPrompt,
        guidance: Guidance,
        turn: Lock,
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._turn = turn
        self.warnings = tuple(_warnings(prompt, guidance))

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows; each token carries its passage's probability of being evidence."""
        return [self._score(window) for window in windows]

    def _score(self, window: Window) -> TokenScores:
        if not len(window):
            return TokenScores(np.zeros(0, np.float32))
        given = Given(self._prompt.ids, window.token_ids, window.units, self._prompt.rows)
        with self._turn, torch.inference_mode():
            said = self._model(inputs_of([given], on=self._model.device))
            keep = said.odds[0].sigmoid().cpu().numpy()
            tags = said.tags[0].softmax(-1).cpu().numpy()
            labels = said.labels[0, :, : len(given.rows)].softmax(-1)[:, 1:].cpu().numpy()
        return TokenScores(
            keep=keep[owner_of(window.units)],
            tags=tags,
            labels=labels if labels.shape[1] else None,
        )


def _warnings(prompt: RolesPrompt, guidance: Guidance) -> list[str]:
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
