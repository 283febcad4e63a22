"""Questions to any endpoint that speaks OpenAI's chat completions: many at a time, none lost.

What cannot be had after all tries is an `Answered` that says why, never a hole in the list.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cprs.errors import OptionError
from cprs.l1.answers import CLOSE, OPEN
from cprs.l1.chats import Failure, Model, keep, key_of, read_kept

_KEPT = "answers of an endpoint"


@dataclass(frozen=True, slots=True)
class Ask:
    """A user's `prompt`, the `sample`-th time it is asked."""

    prompt: str
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of an ask: the `text`, thinking within <think> tags, whether it ended by itself
    (`finished`), and tokens as the endpoint counts them; or, with no text, the `error`."""

    text: str = ""
    finished: bool = True
    error: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(slots=True)
class Endpoint(Model):
    """A model that is measured, or rates.

    `extra` goes into every request as it is, such as {"cprs": {"budget": 8000}} for a cprs proxy.
    `kept`: a JSONL file of what was answered, from which the same ask of a later run
    is answered; failures are not kept. `seed` + the sample's number is sent where not None.
    """

    timeout: float = 3600.0
    temperature: float = 0.7
    top_p: float = 0.95
    tokens: int = 10_000
    seed: int | None = 0
    extra: dict[str, Any] = field(default_factory=dict)
    kept: Path | None = None
    _known: dict[str, Answered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what earlier runs kept. Raises `OptionError` for numbers that mean nothing,
        `TextError` for a file that holds something else."""
        self.check("an endpoint")
        if self.tokens < 1:
            raise OptionError(f"an endpoint's answers have at least 1 token, got {self.tokens}")
        if self.kept is not None and self.kept.exists():
            known = read_kept(self.kept, lambda entry: Answered(**entry), what=_KEPT)
            self._known.update(known)

    def answers(
        self, asks: Sequence[Ask], progress: Callable[[int, int], None] | None = None
    ) -> list[Answered]:
        """What came of each ask, in their order. `progress` is told how many of how many are done.

        Not to be called where an event loop runs.
        """
        return asyncio.run(self._all(asks, progress))

    async def _all(
        self, asks: Sequence[Ask], progress: Callable[[int, int], None] | None
    ) -> list[Answered]:
        keys = [self._key(ask) for ask in asks]
        fresh = {key: ask for key, ask in zip(keys, asks, strict=True) if key not in self._known}
        found: dict[str, Answered] = {}

        def done(key: str, came: Answered | Failure) -> None:
            if isinstance(came, Failure):
                came = Answered(finished=False, error=came.said[:500])
            found[key] = came
            if not came.error:
                self._keep(key, came)
            if progress is not None:
                progress(len(found), len(fresh))

        await self.ask_all(
            {key: self._request(ask) for key, ask in fresh.items()},
            _answered,
            done,
        )
        return [self._known.get(key) or found[key] for key in keys]

    def _request(self, ask: Ask) -> dict[str, Any]:
        return {
            "messages": [{"role": "user", "content": ask.prompt}],
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.tokens,
            "extra_body": self.extra or None,
            **({} if self.seed is None else {"seed": self.seed + ask.sample}),
        }

    def _key(self, ask: Ask) -> str:
        """Of all that decides an answer: whatever is changed is asked anew."""
        said = [self.url, self.model, self.temperature, self.top_p, self.tokens, self.seed]
        return key_of(*said, json.dumps(self.extra, sort_keys=True), ask.prompt, ask.sample)

    def _keep(self, key: str, answered: Answered) -> None:
        self._known[key] = answered
        if self.kept is not None:
            keep(self.kept, [(key, asdict(answered))])


def _answered(response: Any) -> Answered:
    choice, usage = response.choices[0], response.usage
    content = choice.message.content or ""
    # vLLM and its likes hand thinking over apart, under one of two names.
    apart = getattr(choice.message, "reasoning_content", None)
    apart = apart or getattr(choice.message, "reasoning", None)
    if isinstance(apart, str) and apart:
        content = f"{OPEN}{apart}{CLOSE}{content}" if content.strip() else f"{OPEN}{apart}"
    if not content.strip():
        return Answered(finished=False, error="the answer is empty")
    return Answered(
        text=content,
        finished=choice.finish_reason != "length",
        tokens_in=getattr(usage, "prompt_tokens", None),
        tokens_out=getattr(usage, "completion_tokens", None),
    )
