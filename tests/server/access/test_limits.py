"""Requests and tokens a minute, as the headers tell them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from cprs_server.access.limits import Limits, duration
from cprs_server.errors import ProxyError
from hypothesis import given, settings
from hypothesis import strategies as st


@dataclass(frozen=True)
class Key:
    name: str = "ann"
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def told(limits: Limits, key: Key | None, tokens: int = 0) -> dict[str, str]:
    return {k.decode(): v.decode() for k, v in limits.take(key, tokens).headers()}


def test_no_limits_no_headers(clock: Clock) -> None:
    limits = Limits(clock=clock)
    assert told(limits, None) == told(limits, Key(), 10**9) == {}
    limits.adjust(None, 5)
    limits.adjust(Key(), 5)


def test_requests_run_out_and_come_back(clock: Clock) -> None:
    limits, key = Limits(clock=clock), Key(requests_per_minute=3)
    assert told(limits, key) == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "20s",
    }
    limits.take(key)
    assert told(limits, key)["x-ratelimit-remaining-requests"] == "0"
    clock.now += 5
    with pytest.raises(ProxyError) as raised:
        limits.take(key)
    error = raised.value
    assert (error.status, error.code) == (429, "rate_limit_exceeded")
    assert error.headers["Retry-After"] == "15"
    assert error.headers["retry-after-ms"] == "15000"
    assert error.headers["x-ratelimit-remaining-requests"] == "0"
    assert "3 requests a minute" in error.message
    clock.now += 15
    limits.take(key)
    with pytest.raises(ProxyError):
        limits.take(key)


def test_what_is_refused_costs_nothing(clock: Clock) -> None:
    limits, key = Limits(clock=clock), Key(requests_per_minute=2, tokens_per_minute=100)
    limits.take(key, 90)
    for _ in range(5):
        with pytest.raises(ProxyError, match="100 tokens a minute"):
            limits.take(key, 50)
    assert told(limits, key, 10)["x-ratelimit-remaining-requests"] == "0"


def test_what_can_never_pass_is_not_tried_again(clock: Clock) -> None:
    limits, key = Limits(clock=clock), Key(tokens_per_minute=100)
    with pytest.raises(ProxyError) as raised:
        limits.take(key, 101)
    assert raised.value.headers["x-should-retry"] == "false"
    assert "Retry-After" not in raised.value.headers
    limits.take(key, 100)


def test_tokens_are_settled_afterwards(clock: Clock) -> None:
    limits, key = Limits(clock=clock), Key(tokens_per_minute=60)
    limits.take(key, 40)
    limits.adjust(key, -30)
    assert told(limits, key, 0)["x-ratelimit-remaining-tokens"] == "50"
    limits.adjust(key, 80)
    for tokens in (0, 1):
        with pytest.raises(ProxyError) as raised:
            limits.take(key, tokens)
        assert raised.value.headers["Retry-After"] == str(30 + tokens)
        assert raised.value.headers["x-ratelimit-remaining-tokens"] == "0"
    limits.adjust(key, -10_000)
    assert told(limits, key, 0)["x-ratelimit-remaining-tokens"] == "60"


def test_keys_do_not_share(clock: Clock) -> None:
    limits = Limits(clock=clock)
    limits.take(Key("ann", requests_per_minute=1))
    limits.take(Key("bob", requests_per_minute=1))
    with pytest.raises(ProxyError):
        limits.take(Key("ann", requests_per_minute=1))


def test_new_settings_give_no_fresh_minute(clock: Clock) -> None:
    limits = Limits(clock=clock)
    for _ in range(8):
        limits.take(Key(requests_per_minute=10))
    assert told(limits, Key(requests_per_minute=20))["x-ratelimit-remaining-requests"] == "11"
    with pytest.raises(ProxyError):
        limits.take(Key(requests_per_minute=5))
    assert told(limits, Key()) == {}


@settings(deadline=None)
@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20)), max_size=60),
)
def test_no_minute_lets_more_through_than_twice_its_limit(
    limit: int, arrivals: list[tuple[float, int]]
) -> None:
    """A full bucket and one refill: what any window of a minute can hold."""
    clock = Clock()
    limits, key = Limits(clock=clock), Key(tokens_per_minute=limit)
    passed: list[tuple[float, int]] = []
    for gap, tokens in arrivals:
        clock.now += gap
        try:
            limits.take(key, tokens)
            passed.append((clock.now, tokens))
        except ProxyError as error:
            wait = error.headers.get("retry-after-ms")
            if wait is None:
                assert tokens > limit
                continue
            clock.now += int(wait) / 1000
            limits.take(key, tokens)
            passed.append((clock.now, tokens))
    for start, _ in passed:
        assert sum(n for at, n in passed if start <= at < start + 60) <= 2 * limit


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0s"),
        (0.0004, "1ms"),
        (0.9996, "1s"),
        (59.9999, "1m0s"),
        (61.5, "1m1.5s"),
        (3600, "1h0m0s"),
        (7325.25, "2h2m5.25s"),
    ],
)
def test_duration(seconds: float, said: str) -> None:
    assert duration(seconds) == said
