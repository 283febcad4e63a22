"""Events of a stream go on whole, and none of their bytes is changed."""

from __future__ import annotations

import pytest
from cprs_server.upstream.events import WholeEvents, is_whole
from hypothesis import given, settings
from hypothesis import strategies as st

PIECES = st.lists(
    st.sampled_from([b"data: x", b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b":", b"e", b"\xff"]),
    max_size=40,
)


@given(pieces=PIECES, sizes=st.lists(st.integers(1, 9), min_size=1))
@settings(deadline=None, max_examples=300)
def test_all_bytes_come_through(pieces: list[bytes], sizes: list[int]) -> None:
    data = b"".join(pieces)
    events = WholeEvents()
    out = b""
    at = 0
    while at < len(data):
        size = sizes[at % len(sizes)]
        out += events.feed(data[at : at + size])
        at += size
    assert data.startswith(out)
    assert out + events.flush() == data


@pytest.mark.parametrize("line", [b"\n", b"\r\n"])
@given(size=st.integers(1, 30))
@settings(deadline=None, max_examples=30)
def test_only_whole_events_go_on(line: bytes, size: int) -> None:
    whole = b"".join(b"event: a" + line + b"data: %d" % n + line * 2 for n in range(9))
    events = WholeEvents()
    for at in range(0, len(whole), size):
        out = events.feed(whole[at : at + size])
        assert not out or out.endswith(line * 2)
        assert not out or out.startswith(b"event: a")
    assert events.flush() == b""


def test_a_whole_event_goes_on_at_once() -> None:
    events = WholeEvents()
    assert events.feed(b"data: 1\n\nda") == b"data: 1\n\n"
    assert events.feed(b"ta: 2\n") == b""
    assert events.feed(b"\ndata: 3\n\n") == b"data: 2\n\ndata: 3\n\n"


def test_comments_do_not_wait() -> None:
    events = WholeEvents()
    assert events.feed(b": wait\n") == b": wait\n"
    assert events.feed(b"data: 1\n\n: on") == b"data: 1\n\n"
    assert events.feed(b"\n") == b": on\n"


def test_what_is_too_long_goes_on_in_parts() -> None:
    events = WholeEvents()
    assert events.feed(b"data: " + b"x" * (1 << 20)) != b""
    assert events.parted
    assert events.feed(b"y\n\n") == b"y\n\n"
    assert not events.parted


@pytest.mark.parametrize(
    ("rest", "whole"),
    [
        (b"", True),
        (b"\n", True),
        (b": bye\n", True),
        (b"data: [DONE]", True),
        (b'event: a\ndata: {"x": 1}\n', True),
        (b'data: {"x":', False),
        (b"event: message_delta\n", False),
        (b"dat", False),
        (b"data: [DON", False),
    ],
)
def test_what_is_left(rest: bytes, whole: bool) -> None:
    assert is_whole(rest) == whole
