"""Usage with an object of ours: in bodies and streams, and nothing else changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cprs_server.wire.base import Answer
from cprs_server.wire.forms import FORMS
from cprs_server.wire.usage import UsageStream, add_usage
from hypothesis import given, settings
from hypothesis import strategies as st

CPRS = {"ratio": 4, "id": "é"}
ADDED = '"cprs":{"ratio":4,"id":"é"}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"usage" : {"a": 1 } , "x":"\\u00e9"}', '{"usage" : {"a": 1 ,%s} , "x":"\\u00e9"}'),
        ('{"usage":{}}', '{"usage":{%s}}'),
        ('{"usage":{ }}', '{"usage":{ %s}}'),
        ('{"response":{"usage":{"a":1}}}', '{"response":{"usage":{"a":1,%s}}}'),
        ('{"message":{"usage":{"a":1}}}', '{"message":{"usage":{"a":1,%s}}}'),
        ('{"usage":null}', '{"usage":null}'),
        ('{"usage":{"cprs":1}}', '{"usage":{"cprs":1}}'),
        ('{"choices":[{"usage":{"a":1}}]}', '{"choices":[{"usage":{"a":1}}]}'),
        ('{"text":"usage"}', '{"text":"usage"}'),
        ('["usage"]', '["usage"]'),
        ('{"usage":{', '{"usage":{'),
        ("", ""),
    ],
)
def test_bodies(before: str, after: str) -> None:
    assert add_usage(before.encode(), CPRS).decode() == after.replace("%s", ADDED)


def without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without(item) for key, item in value.items() if key != "cprs"}
    return value


@settings(deadline=None)
@given(
    st.sampled_from(["chat", "completions", "responses", "messages"]),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.lists(st.integers(0, 3000), max_size=8),
)
def test_streams_cut_anywhere(form: str, newline: bytes, cuts: list[int]) -> None:
    answer = Answer("1", "m", "some words " * 5, 10, 5, 0)
    sent = b": comment\n\n" + b"".join(FORMS[form].events(answer, usage=True))
    sent = sent.replace(b"\n", newline) + b'data: {"usage": {"half'
    stream = UsageStream(CPRS)
    ends = [0, *sorted(cuts), len(sent)]
    got = b"".join(stream.feed(sent[a:b]) for a, b in zip(ends, ends[1:], strict=False))  # noqa: RUF007
    got += stream.flush()
    assert ADDED.encode() in got
    lines, found = sent.splitlines(keepends=True), got.splitlines(keepends=True)
    for line, other in zip(lines, found, strict=True):
        if line != other:
            before, after = line.removeprefix(b"data: "), other.removeprefix(b"data: ")
            assert without(json.loads(after)) == json.loads(before)
            assert after.replace(b"," + ADDED.encode(), b"") == before


def test_nothing_is_held_but_a_line_that_is_not_whole() -> None:
    stream = UsageStream(CPRS)
    assert stream.feed(b"data: {}\n\ndata: [DO") == b"data: {}\n\n"
    assert stream.feed(b"NE]\n") == b"data: [DONE]\n"
    assert stream.feed(b"\n") == b"\n"
    assert stream.flush() == b""


def test_a_line_too_long_to_hold_goes_on_as_it_is() -> None:
    stream = UsageStream(CPRS)
    long = b'data: {"usage": {}, "x": "' + b"x" * (9 * 2**20)
    assert stream.feed(long) == long
    assert stream.feed(b"more") == b"more"
    assert (
        stream.feed(b'"}\ndata: {"usage": {}}\n')
        == b'"}\n' + f'data: {{"usage": {{{ADDED}}}}}\n'.encode()
    )
