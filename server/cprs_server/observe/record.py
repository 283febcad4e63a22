"""What is known of a request once it is finished: what metrics, log and traces are made from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

STAGES = ("read", "plan", "queue", "compress", "splice", "upstream", "relay")
"""Where the time of a request goes, in order: the client's body, the plan, waiting for a free
runner, compressing, building the new body, waiting for the upstream's first byte, relaying."""


@dataclass(frozen=True, slots=True)
class Record:
    """One finished request. It holds no text of the request or the answer and no credential.

    `endpoint` is a route's template ("/v1/chat/completions", "/v1/{path}"), never the URL that
    came. `form`: as `wire.base.Form.name`, "" where there is none. `model`: as the client named it.
    `status`: what the client was told; 499 where it went away before that. `decision`, `reason`: of
    the plan. `tokens_in`, `tokens_out`: of the whole prompt before and after, as the target counts;
    `exact`: whether that is a count. `price`: of a million prompt tokens, where known, and
    `cached_price` of cached ones; `discount`: tokens that save so much less (`planning.savings`).
    `stages`: seconds by names of `STAGES`. `upstream`: its name in the configuration,
    `upstream_status` what it answered, None where it did not. `usage_in`, `usage_out`: tokens as
    the upstream counted them. `first_token`: seconds from the request's last byte to the answer's
    first. `bytes_in`, `bytes_out`: bodies from and to the client. `error`: code of a `ProxyError`,
    "" if none.
    """

    endpoint: str
    status: int
    form: str = ""
    model: str = ""
    stream: bool = False
    decision: str = ""
    reason: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    exact: bool = True
    price: float | None = None
    cached_price: float | None = None
    discount: int = 0
    seconds: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    upstream: str = ""
    upstream_status: int | None = None
    usage_in: int | None = None
    usage_out: int | None = None
    first_token: float | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    error: str = ""

    @property
    def saved(self) -> int:
        """Tokens the upstream was spared; 0 where the original went out, as under "audit"."""
        return max(0, self.tokens_in - self.tokens_out) if self.decision == "compress" else 0

    @property
    def audited(self) -> int:
        """Tokens that would have been saved, had "audit" not only measured."""
        return max(0, self.tokens_in - self.tokens_out) if self.reason == "audit" else 0

    @property
    def money(self) -> float:
        """An estimate of what was saved, in the price's currency; 0 where no price is known, and
        where breaking a cached prefix cost more than leaving tokens out saved."""
        if self.price is None or not self.saved:
            return 0.0
        less = self.price - (self.price if self.cached_price is None else self.cached_price)
        return max(0.0, self.saved * self.price - self.discount * less) / 1e6


class Stages:
    """Collects the seconds of a request's stages; one per request, for one task at a time."""

    __slots__ = ("_clock", "_started", "seconds")

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._started = clock()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Adds the time spent inside to `stage`, also where it ends in an exception."""
        since = self._clock()
        try:
            yield
        finally:
            self.add(stage, self._clock() - since)

    def add(self, stage: str, seconds: float) -> None:
        """For what was measured elsewhere."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    @property
    def total(self) -> float:
        """Seconds since this object was made."""
        return self._clock() - self._started
