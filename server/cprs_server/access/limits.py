"""Rate limits by key: requests and tokens a minute, refilled steadily."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cprs_server.errors import ProxyError


class Limited(Protocol):
    """A key with its limits; None is no limit."""

    @property
    def name(self) -> str: ...
    @property
    def requests_per_minute(self) -> int | None: ...
    @property
    def tokens_per_minute(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Left:
    """Of one limit: how many a minute, how many are left, seconds until all are again."""

    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """What a client is told of its limits; None where there is none."""

    requests: Left | None = None
    tokens: Left | None = None

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """As OpenAI's API tells it: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, the
        reset as a duration such as "6m0s"."""
        told: list[tuple[bytes, bytes]] = []
        for what, left in (("requests", self.requests), ("tokens", self.tokens)):
            if left is not None:
                said = (("limit", left.limit), ("remaining", left.remaining))
                told += [(f"x-ratelimit-{k}-{what}".encode(), b"%d" % v) for k, v in said]
                told.append((f"x-ratelimit-reset-{what}".encode(), duration(left.reset).encode()))
        return tuple(told)


@dataclass(slots=True)
class _Bucket:
    """Holds `limit` at most and is refilled by as much in a minute; may be in debt."""

    limit: int
    level: float
    at: float

    def refill(self, now: float) -> None:
        passed = max(0.0, now - self.at)
        self.level = min(self.limit, self.level + passed * self.limit / 60)
        self.at = now

    def wait(self, amount: float) -> float:
        """Seconds until `amount` is there."""
        missing = amount - self.level
        # A hair less is left by rounding when a client comes back just when it was told to.
        return missing * 60 / self.limit if missing > 1e-6 else 0.0

    def left(self) -> Left:
        # Rounded before it is cut, or a bucket refilled in many steps seems to lack one.
        remaining = max(0, math.floor(round(self.level, 6)))
        return Left(self.limit, remaining, self.wait(self.limit))


@dataclass(slots=True)
class _Account:
    requests: _Bucket | None = None
    tokens: _Bucket | None = None
    limits: tuple[int | None, int | None] = field(default=(None, None))


class Limits:
    """What keys have used lately. Lives as long as the process, so that reading the configuration
    again gives nobody a fresh minute; keys are known by name. For one event loop."""

    __slots__ = ("_accounts", "_clock")

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def take(self, key: Limited | None, tokens: int = 0) -> RateHeaders:
        """Takes one request and `tokens` of what `key` has left; nothing if either is not there.

        Raises `ProxyError` (429) with `Retry-After` and the headers of `RateHeaders`. More tokens
        than a whole minute has can never pass, so the client is told not to try again.
        """
        account = self._account(key)
        if account is None or key is None:
            return RateHeaders()
        requests, budget = account.requests, account.tokens
        if budget is not None and tokens > budget.limit:
            raise self._refused(
                account,
                f"{tokens} tokens are more than the {budget.limit} a minute of key {key.name!r}; "
                "send less at once",
                {"x-should-retry": "false"},
            )
        waits = (
            requests.wait(1) if requests is not None else 0.0,
            budget.wait(tokens) if budget is not None else 0.0,
        )
        if (wait := max(waits)) > 0:
            what = "requests" if waits[0] >= waits[1] else "tokens"
            limit = key.requests_per_minute if what == "requests" else key.tokens_per_minute
            seconds = math.ceil(wait)
            raise self._refused(
                account,
                f"key {key.name!r} has used up its {limit} {what} a minute; try again in "
                f"{duration(wait)}",
                {"Retry-After": str(seconds), "retry-after-ms": str(math.ceil(wait * 1000))},
            )
        if requests is not None:
            requests.level -= 1
        if budget is not None:
            budget.level -= tokens
        return _told(account)

    def adjust(self, key: Limited | None, tokens: int) -> None:
        """Charges `tokens` more once they are known, as an answer's; gives back where negative.
        This refuses nothing: a key may be in debt and then waits the longer."""
        account = self._account(key)
        if account is not None and (budget := account.tokens) is not None:
            budget.level = min(budget.limit, budget.level - tokens)

    def _account(self, key: Limited | None) -> _Account | None:
        if key is None:
            return None
        wanted = (key.requests_per_minute, key.tokens_per_minute)
        if wanted == (None, None):
            return None
        now = self._clock()
        account = self._accounts.get(key.name)
        if account is None:
            account = self._accounts[key.name] = _Account()
        if account.limits != wanted:
            account.requests = _changed(account.requests, wanted[0], now)
            account.tokens = _changed(account.tokens, wanted[1], now)
            account.limits = wanted
        for bucket in (account.requests, account.tokens):
            if bucket is not None:
                bucket.refill(now)
        return account

    def _refused(self, account: _Account, message: str, headers: dict[str, str]) -> ProxyError:
        for name, value in _told(account).headers():
            headers[name.decode()] = value.decode()
        return ProxyError(429, message, code="rate_limit_exceeded", headers=headers)


def _told(account: _Account) -> RateHeaders:
    return RateHeaders(
        requests=account.requests.left() if account.requests else None,
        tokens=account.tokens.left() if account.tokens else None,
    )


def _changed(bucket: _Bucket | None, limit: int | None, now: float) -> _Bucket | None:
    """The bucket under a new limit: what was used stays used."""
    if limit is None:
        return None
    if bucket is None:
        return _Bucket(limit, float(limit), now)
    bucket.refill(now)
    return _Bucket(limit, limit - (bucket.limit - bucket.level), now)


def duration(seconds: float) -> str:
    """Seconds as Go and OpenAI's headers write them.

    >>> duration(0), duration(0.0123), duration(2.5), duration(75), duration(3600)
    ('0s', '13ms', '2.5s', '1m15s', '1h0m0s')
    """
    ms = math.ceil(round(seconds * 1000, 6))
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    whole, rest = divmod(ms, 1000)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    last = f"{whole}.{rest:03d}".rstrip("0").rstrip(".") if rest else str(whole)
    if hours:
        return f"{hours}h{minutes}m{last}s"
    return f"{minutes}m{last}s" if minutes else f"{last}s"
