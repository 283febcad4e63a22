"""The hybrid critic on a vLLM: tokens and prompts here, layers there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cprs.critics.base import State, TokenScores
from cprs.critics.hybrid.prompt import RolesPrompt, prompt_warnings, roles_prompt
from cprs.critics.hybrid.tokens import BEGIN
from cprs.critics.hybrid.window import content, room
from cprs.critics.vllm.base import Logits, Runner
from cprs.critics.vllm.prefix import padded, room_in_blocks
from cprs.critics.vllm.scores import scores_of
from cprs.critics.vllm.served import Served
from cprs.decode import Decoding
from cprs.errors import OptionError, ServiceError
from cprs.guidance import Guidance
from cprs.labels import TAGS
from cprs.windows import Encoded, Window


class VllmCritic:
    """Scores as the hybrid critic does, to rounding: vLLM reads windows of different requests
    together, so the last bits depend on what else it reads."""

    threshold = 0.5

    def __init__(
        self, served: Served, runner: Runner, *, name: str, decoding: Decoding | None = None
    ) -> None:
        self._served = served
        self._runner = runner
        self._room = room_in_blocks(room(served.config.window), block=runner.block)
        self.name = name
        self.decoding = decoding
        """How tags become spans where nothing else decides; None: passages by their scores."""
        self.window = content(served.config.window)

    def encode(self, text: str) -> Encoded:
        """The base's tokens."""
        return self._served.tokens.encode(text)

    def read(self, windows: Sequence[Window]) -> list[State]:
        """Nothing: the model reads no window without its prompt."""
        return [()] * len(windows)

    def prompt(self, guidance: Guidance) -> RolesPrompt:
        """What stands before every window, of whole blocks where vLLM holds it for several."""
        tokens, block = self._served.tokens, self._runner.block
        made = roles_prompt(tokens, guidance, room=self._room)
        if block == 1:
            return made
        filler = int(tokens.ids("\n")[-1])
        ids = padded(made.ids, block=block, begin=tokens.marker(BEGIN), filler=filler)
        return replace(made, ids=ids)

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> VllmScorer:
        """Prepare the prompt."""
        return VllmScorer(self._served, self._runner, self.prompt(guidance), guidance)

    def close(self) -> None:
        """End the vLLM of this process, or the connections to a server."""
        self._runner.close()


class VllmScorer:
    """The model under one prompt. The windows of a call are sent together."""

    def __init__(
        self, served: Served, runner: Runner, prompt: RolesPrompt, guidance: Guidance
    ) -> None:
        self._runner = runner
        self._prompt = prompt
        self._most = served.config.window
        self._rows: tuple[int, ...] = tuple(prompt.rows.tolist())
        self._columns: list[int] | None = list(range(len(self._rows)))
        warnings = prompt_warnings(prompt, guidance)
        if not runner.any_label:
            self._rows = served.rows
            known = {label: column for column, label in enumerate(served.labels, 1)}
            missing = [label for label in guidance.labels if label not in known]
            if missing:
                self._columns = None
                warnings.append(
                    f'the server has no rows for label {missing[0]!r}: add it to "labels" in its'
                    " config.json; spans carry no labels"
                )
            else:
                self._columns = [0, *(known[label] for label in guidance.labels)]
        self.warnings = tuple(warnings)

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows; each token carries its passage's probability of being evidence.

        Raises `OptionError` for a window that does not fit behind the prompt, and `ServiceError`.
        """
        longest = max(map(len, windows), default=0)
        if len(self._prompt.ids) + longest > self._most:
            raise OptionError(
                f"a window of {longest} tokens does not fit: the critic reads {self._most} at once,"
                f" its prompt of {len(self._prompt.ids)} among them"
            )
        found = [TokenScores(np.zeros(0, np.float32))] * len(windows)
        filled = [i for i, window in enumerate(windows) if len(window)]
        if filled:
            sent = [windows[i].token_ids for i in filled]
            said = self._runner.run(self._prompt.ids, sent, self._rows)
            for i, logits in zip(filled, said, strict=True):
                found[i] = self._scores(windows[i], logits)
        return found

    def _scores(self, window: Window, logits: Logits) -> TokenScores:
        tags, words = logits[:, : len(TAGS)], logits[:, len(TAGS) :]
        if len(logits) != len(window) or words.shape[1] not in (0, len(self._rows)):
            raise ServiceError(
                f"vLLM answered {logits.shape[0]} tokens by {logits.shape[1]} values for"
                f" {len(window)} tokens: it does not run this hybrid with cprs's plugin"
            )
        named = None if self._columns is None or not words.shape[1] else words[:, self._columns]
        return scores_of(tags, window.units, named)
