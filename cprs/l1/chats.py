"""Requests to any endpoint that speaks OpenAI's chat completions: many at a time, none lost.

The models that are measured and the judges of their answers are asked here, and what they said is
kept in files from which a later run goes on.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from cprs.errors import OptionError, TextError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """What came instead of an answer, after all tries."""

    said: str


@dataclass(slots=True)
class Model:
    """A model at `url` (its base, ending in /v1), called `model` there.

    `concurrency` requests at a time, each tried again `retries` times where the endpoint is busy,
    down or slow (the SDK waits longer each time, or as told).
    """

    url: str
    model: str
    key: str = "none"
    concurrency: int = 16
    retries: int = 3
    timeout: float = 120.0

    def check(self, who: str) -> None:
        """Raises `OptionError` for numbers that mean nothing."""
        if self.concurrency < 1 or self.retries < 0 or self.timeout <= 0:
            raise OptionError(
                f"{who} needs concurrency of at least 1, retries of at least 0 and a timeout above"
                f" 0, got {self.concurrency}, {self.retries} and {self.timeout:g}"
            )

    async def ask_all(
        self,
        requests: Mapping[str, dict[str, Any]],
        read: Callable[[Any], T],
        done: Callable[[str, T | Failure], None],
    ) -> None:
        """Send all `requests`, the arguments of a chat completion but for the model, under a name
        each. `done` is told the name and what `read` makes of the response, as it comes."""
        if not requests:
            return
        from openai import AsyncOpenAI, OpenAIError

        # One iterator for all workers: as many requests are under way as there are workers.
        queue = iter(requests.items())
        async with AsyncOpenAI(
            base_url=self.url, api_key=self.key, max_retries=self.retries, timeout=self.timeout
        ) as client:

            async def work() -> None:
                for name, request in queue:
                    found: T | Failure
                    try:
                        found = read(
                            await client.chat.completions.create(model=self.model, **request)
                        )
                    # Whatever speaks nearly OpenAI's language may lack any part of an answer.
                    except (OpenAIError, IndexError, AttributeError, TypeError) as error:
                        found = Failure(f"{type(error).__name__}: {error}")
                    done(name, found)

            await asyncio.gather(*(work() for _ in range(min(self.concurrency, len(requests)))))


def key_of(*parts: Any) -> str:
    """A key that no other parts share. `parts` go into JSON."""
    return sha256(json.dumps(parts).encode()).hexdigest()


def read_kept(path: Path, read: Callable[[dict[str, Any]], T], *, what: str) -> dict[str, T]:
    """What `keep` wrote, by key; `read` makes an entry of a line's other members.

    A killed run may leave part of a line, which is passed over. Raises `TextError` for a file that
    begins otherwise: it is another's, and not to be written to. `what` says what it should hold.
    """
    kept: dict[str, T] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines):
        try:
            entry = json.loads(line)
            key = entry.pop("key")
            kept[key] = read(entry)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == 0:
                raise TextError(f"{path}: holds no {what}") from error
    return kept


def keep(path: Path, entries: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Add entries to a file, by key."""
    with path.open("ab+") as file:
        # On a line of its own, where a killed run has left half of one.
        if file.tell():
            file.seek(-1, os.SEEK_END)
            file.write(b"" if file.read(1) == b"\n" else b"\n")
        for key, entry in entries:
            file.write(json.dumps({"key": key, **entry}).encode() + b"\n")
