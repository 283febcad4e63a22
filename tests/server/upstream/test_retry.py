"""Another attempt only where it is safe, and never more of them than asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from cprs_server.errors import ProxyError
from cprs_server.upstream.base import Call, Headers
from cprs_server.upstream.retry import retry_after, send_with_fallback
from cprs_server.upstream.transport import HttpTransport
from programmable import Script, Upstream, garbage, hang, plain, reset, stream


def busy(status: int = 503, **headers: str) -> Script:
    told = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return plain({"error": "busy"}, status=status, headers=told)


@dataclass
class Got:
    status: int = 0
    number: int = -1
    headers: Headers = ()
    body: bytes = b""
    waits: list[float] = field(default_factory=list)
    error: ProxyError | None = None


def send(
    upstream: Upstream, *scripts: Script, retries: int = 0, calls: int = 1, **headers: str
) -> Got:
    upstream.reply(*scripts)
    got = Got()
    given = tuple(
        (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
    )
    asked = [
        Call("POST", f"{upstream.url}/{number}", given, b"{}", first_byte=0.3)
        for number in range(calls)
    ]

    async def sleep(seconds: float) -> None:
        got.waits.append(seconds)

    async def main() -> None:
        transport = HttpTransport()
        try:
            reply, got.number = await send_with_fallback(
                transport, asked, retries=retries, sleep=sleep
            )
            got.status, got.headers = reply.status, reply.headers
            got.body = b"".join([part async for part in reply.body()])
            await reply.close()
        except ProxyError as error:
            got.error = error
        finally:
            await transport.close()

    asyncio.run(main())
    return got


FINAL = (b"x-should-retry", b"false")


def test_the_first_that_works(upstream: Upstream) -> None:
    got = send(upstream, plain({"a": 1}), retries=3, calls=2)
    assert (got.status, got.number, got.body) == (200, 0, b'{"a": 1}')
    assert len(upstream.seen) == 1
    assert FINAL not in got.headers


def test_no_retries_unless_asked_for(upstream: Upstream) -> None:
    got = send(upstream, busy(retry_after="1"))
    assert (got.status, got.body) == (503, b'{"error": "busy"}')
    assert FINAL not in got.headers
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("failure", [busy(), busy(429), busy(500), busy(529), reset(), garbage()])
def test_failures_are_repeated(upstream: Upstream, failure: Script) -> None:
    got = send(upstream, failure, failure, plain({}), retries=2)
    assert (got.status, got.number) == (200, 0)
    assert len(got.waits) == 2
    assert 0.3 < got.waits[0] < got.waits[1] <= 1


def test_what_fails_for_good_is_given_as_it_is(upstream: Upstream) -> None:
    for status in (400, 401, 404, 413, 422, 501):
        got = send(upstream, busy(status), retries=2, calls=2)
        assert (got.status, got.waits) == (status, [])
    assert len(upstream.seen) == 6


def test_it_waits_as_it_is_told(upstream: Upstream) -> None:
    got = send(
        upstream, busy(429, retry_after="3"), busy(retry_after_ms="250"), plain({}), retries=2
    )
    assert got.waits == [3.0, 0.25]
    got = send(upstream, busy(429, retry_after="60"), retries=2)
    assert (got.status, got.waits) == (429, [])
    assert (b"retry-after", b"60") in got.headers


def test_an_upstream_that_says_no(upstream: Upstream) -> None:
    got = send(upstream, busy(x_should_retry="false"), retries=2)
    assert (got.status, len(upstream.seen)) == (503, 1)


def test_one_that_is_late_may_be_at_work(upstream: Upstream) -> None:
    got = send(upstream, hang(), plain({}), retries=2, calls=2)
    assert (got.status, got.number) == (200, 1)
    assert [seen.target for seen in upstream.seen] == ["/0", "/1"]


def test_fallbacks_in_their_order(upstream: Upstream) -> None:
    got = send(upstream, busy(), garbage(), busy(429), plain({}), retries=1, calls=3)
    assert (got.status, got.number) == (200, 1)
    assert [seen.target for seen in upstream.seen] == ["/0", "/0", "/1", "/1"]


def test_when_all_fail_the_first_upstream_is_heard(upstream: Upstream) -> None:
    got = send(upstream, busy(429, retry_after="60"), busy(), garbage(), calls=3)
    assert (got.status, got.number, got.body) == (429, 0, b'{"error": "busy"}')
    assert FINAL in got.headers
    got = send(upstream, reset(), busy(), calls=2)
    assert got.error is not None
    assert got.error.headers == {"x-should-retry": "false"}


def test_the_clients_own_repetitions_are_not_multiplied(upstream: Upstream) -> None:
    got = send(upstream, busy(), retries=5, x_stainless_retry_count="1")
    assert (got.status, len(upstream.seen)) == (503, 1)
    got = send(upstream, busy(), busy(), retries=1, x_stainless_retry_count="0")
    assert (got.status, len(upstream.seen)) == (503, 3)
    assert FINAL in got.headers


def test_a_stream_that_began_is_not_repeated(upstream: Upstream) -> None:
    upstream.default = lambda seen: plain({})
    got = send(upstream, stream([b"data: 1\n\n"], ending=reset().steps[0]), retries=3, calls=2)
    assert got.error is not None
    assert len(upstream.seen) == 1


def test_what_cannot_be_sent_is_not_tried_elsewhere(upstream: Upstream) -> None:
    got = send(upstream, retries=3, calls=2, x_bad="a\nb")
    assert got.error is not None
    assert got.error.status == 400
    assert not upstream.seen


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ([(b"retry-after", b"2.5")], 2.5),
        ([(b"retry-after", b"9"), (b"retry-after-ms", b"20")], 0.02),
        ([(b"retry-after", b"Wed, 21 Oct 2015 07:28:00 GMT")], 0.0),
        ([(b"retry-after", b"-1")], None),
        ([(b"retry-after", b"nan")], None),
        ([(b"retry-after", b"soon")], None),
        ([], None),
    ],
)
def test_retry_after(said: list[tuple[bytes, bytes]], seconds: float | None) -> None:
    assert retry_after(tuple(said)) == seconds
