"""Questions to any endpoint that speaks OpenAI's chat completions: many at a time, none lost.

What cannot be had after all tries is an `Answered` that says why, never a hole in the list.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cprs.errors import OptionError, TextError
from cprs.l1.answers import CLOSE, OPEN


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
class Endpoint:
    """A model at `url` (its base, ending in /v1), called `model` there.

    `concurrency` asks at a time; each is tried again `retries` times where the endpoint is busy,
    down or slow. `extra` goes into every request as it is, such as {"cprs": {"budget": 8000}} for
    a cprs proxy. `kept`: a JSONL file of what was answered, from which the same ask of a later run
    is answered; failures are not kept. `seed` + the sample's number is sent where not None.
    """

    url: str
    model: str
    key: str = "none"
    temperature: float = 0.7
    top_p: float = 0.95
    tokens: int = 10_000
    concurrency: int = 16
    retries: int = 3
    timeout: float = 3600.0
    seed: int | None = 0
    extra: dict[str, Any] = field(default_factory=dict)
    kept: Path | None = None
    _known: dict[str, Answered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what earlier runs kept. Raises `OptionError` for numbers that mean nothing,
        `TextError` for a file that holds something else."""
        if self.concurrency < 1 or self.retries < 0 or self.timeout <= 0 or self.tokens < 1:
            raise OptionError(
                "an endpoint needs concurrency and tokens of at least 1, retries of at least 0 and"
                f" a timeout above 0, got {self.concurrency}, {self.tokens}, {self.retries} and"
                f" {self.timeout:g}"
            )
        if self.kept is not None and self.kept.exists():
            self._known.update(_read(self.kept))

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
        from openai import AsyncOpenAI

        keys = [self._key(ask) for ask in asks]
        fresh = {key: ask for key, ask in zip(keys, asks, strict=True) if key not in self._known}
        found: dict[str, Answered] = {}
        queue = iter(fresh.items())
        async with AsyncOpenAI(
            base_url=self.url,
            api_key=self.key,
            max_retries=self.retries,
            timeout=self.timeout,
        ) as client:

            async def work() -> None:
                # One iterator for all workers: as many prompts are under way as there are workers.
                for key, ask in queue:
                    found[key] = answered = await self._one(client, ask)
                    if not answered.error:
                        self._keep(key, answered)
                    if progress is not None:
                        progress(len(found), len(fresh))

            workers = min(self.concurrency, len(fresh))
            await asyncio.gather(*(work() for _ in range(workers)))
        return [self._known.get(key) or found[key] for key in keys]

    async def _one(self, client: Any, ask: Ask) -> Answered:
        from openai import OpenAIError

        try:
            response = await client.chat.completions.create(
                model=self.model,
                messages=[{"role": "user", "content": ask.prompt}],
                temperature=self.temperature,
                top_p=self.top_p,
                max_tokens=self.tokens,
                extra_body=self.extra or None,
                **({} if self.seed is None else {"seed": self.seed + ask.sample}),
            )
            return _answered(response)
        except (OpenAIError, IndexError, AttributeError, TypeError) as error:
            return Answered(finished=False, error=f"{type(error).__name__}: {error}"[:500])

    def _key(self, ask: Ask) -> str:
        """Of all that decides an answer: whatever is changed is asked anew."""
        said = [self.url, self.model, self.temperature, self.top_p, self.tokens, self.seed]
        parts = [*said, json.dumps(self.extra, sort_keys=True), ask.prompt, ask.sample]
        return sha256(json.dumps(parts).encode()).hexdigest()

    def _keep(self, key: str, answered: Answered) -> None:
        self._known[key] = answered
        if self.kept is not None:
            with self.kept.open("a", encoding="utf-8") as file:
                # On a line of its own, where a killed run has left half of one.
                head = "" if file.tell() == 0 else "\n"
                file.write(head + json.dumps({"key": key, **asdict(answered)}))


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


def _read(path: Path) -> dict[str, Answered]:
    known: dict[str, Answered] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines):
        try:
            values = json.loads(line)
            key = values.pop("key")
            known[key] = Answered(**values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == 0:
                raise TextError(f"{path}: holds no answers of an endpoint") from error
    return known
