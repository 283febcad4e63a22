"""Tokens that an answer reports, found wherever its form says them."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from cprs_server.wire.reported import Reported
from hypothesis import given
from hypothesis import strategies as st
from shapes import chat, chat_events, message, message_events, response_events

CASES = {
    "chat": [json.dumps(chat()).encode()],
    "chat stream": chat_events(usage=True),
    "message": [json.dumps(message(), indent=1).encode()],
    "message stream": message_events(),
    "responses stream": response_events(),
}


def reported(parts: Iterable[bytes]) -> tuple[int | None, int | None]:
    said = Reported()
    for part in parts:
        said.feed(part)
    return said.tokens


@pytest.mark.parametrize("name", CASES)
@given(size=st.integers(1, 5000))
def test_however_it_is_cut(name: str, size: int) -> None:
    whole = b"".join(CASES[name])
    tokens = reported(whole[i : i + size] for i in range(0, len(whole), size))
    assert tokens == reported([whole])
    assert all(tokens)


def test_nothing_is_made_up() -> None:
    assert reported(chat_events()) == (None, None)
    assert reported([b"\x1f\x8b compressed"]) == (None, None)
