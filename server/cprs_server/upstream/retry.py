"""Another attempt, or another upstream, where the first one failed before it said anything."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from cprs_server.errors import ProxyError
from cprs_server.upstream.base import Call, Headers, Reply, Transport
from cprs_server.upstream.headers import header

_AGAIN = frozenset((408, 429, 500, 502, 503, 504, 529))
_PATIENCE = 8.0  # seconds that are waited at most between two attempts
_FIRST_WAIT = 0.5
_ENOUGH = (b"x-should-retry", b"false")

Sleep = Callable[[float], Awaitable[object]]


async def send_with_fallback(
    transport: Transport, calls: Sequence[Call], *, retries: int = 0, sleep: Sleep = asyncio.sleep
) -> tuple[Reply, int]:
    """The first reply that is no failure, and the number of the call that got it.

    Each call is tried up to 1 + `retries` times, then the next one. A failure is a `ProxyError`
    with 502 or 504, or one of the statuses that ask to come again. Between two attempts it waits as
    long as the upstream says, if that is not too long; an upstream that says not to come again, or
    that did not begin to answer in time and so may be at work still, is not asked a second time.
    When all failed, the first upstream's last reply is given, or its error raised.

    Clients repeat failed requests on their own, so a request that is already a repetition
    (`x-stainless-retry-count`) is tried once per call, and where an attempt was repeated here the
    reply tells the client not to do it again.
    """
    # Only the first upstream's failure is the client's to know: what it asked for is there.
    failure: tuple[Reply | ProxyError, int] | None = None
    attempts = 0
    try:
        for number, call in enumerate(calls):
            repeats = header(call.headers, b"x-stainless-retry-count")
            most = 1 if repeats not in ("", "0") else 1 + retries
            for attempt in range(most):
                attempts += 1
                outcome = await _outcome(transport, call)
                if not isinstance(outcome, ProxyError) and outcome.status not in _AGAIN:
                    return outcome, number
                if failure is None or failure[1] == number:
                    await _drop(failure)
                    failure = (outcome, number)
                elif not isinstance(outcome, ProxyError):
                    await outcome.close()
                wait = _wait(outcome, attempt)
                if wait is None or attempt + 1 == most:
                    break
                await sleep(wait)
        if failure is None:
            raise ValueError("there is no call to send")
        last, number = failure
        failure = None
    finally:
        await _drop(failure)
    if isinstance(last, ProxyError):
        if attempts > 1:
            last.headers.setdefault("x-should-retry", "false")
        raise last
    return (_Final(last) if attempts > 1 else last), number


class _Final:
    """A failure that the client should not answer with yet another attempt."""

    __slots__ = ("_reply", "body", "close", "headers", "status")

    def __init__(self, reply: Reply) -> None:
        kept = tuple(pair for pair in reply.headers if pair[0] != _ENOUGH[0])
        self._reply = reply
        self.status = reply.status
        self.headers: Headers = (*kept, _ENOUGH)
        self.body = reply.body
        self.close = reply.close


async def _outcome(transport: Transport, call: Call) -> Reply | ProxyError:
    try:
        return await transport.send(call)
    except ProxyError as error:
        if error.status not in (502, 504):
            raise
        return error


async def _drop(failure: tuple[Reply | ProxyError, int] | None) -> None:
    if failure is not None and not isinstance(failure[0], ProxyError):
        await failure[0].close()


def _wait(outcome: Reply | ProxyError, attempt: int) -> float | None:
    """Seconds until the same upstream may be asked again; None: not at all."""
    usual: float = min(_FIRST_WAIT * 2**attempt, _PATIENCE) * random.uniform(0.75, 1.0)
    if isinstance(outcome, ProxyError):
        return usual if outcome.status == 502 else None
    if header(outcome.headers, b"x-should-retry") == "false":
        return None
    asked = retry_after(outcome.headers)
    if asked is None:
        return usual
    return asked if asked <= _PATIENCE else None


def retry_after(headers: Headers) -> float | None:
    """Seconds that a response asks to wait (`retry-after-ms`, or `retry-after` in either form)."""
    for name, unit in ((b"retry-after-ms", 0.001), (b"retry-after", 1.0)):
        said = header(headers, name).strip()
        try:
            seconds = float(said) * unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        at = parsedate_to_datetime(header(headers, b"retry-after"))
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds())
