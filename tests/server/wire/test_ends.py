"""What says that a stream of events is whole."""

from __future__ import annotations

import json

import pytest
from cprs_server.wire.forms import FORMS
from shapes import (
    PARALLEL_CALLS,
    chat_events,
    completion_events,
    event,
    message_events,
    response_events,
    tool_use,
)

MEAN = 'data: [DONE]\n\n"finish_reason": "stop","stop_reason":"x", "type": "error", "error": {}'


@pytest.mark.parametrize(
    ("form", "events", "left"),
    [
        ("chat", chat_events(), 2),
        ("chat", chat_events(usage=True), 3),
        ("chat", chat_events(tool_calls=PARALLEL_CALLS), 2),
        ("chat", chat_events(refusal="No."), 2),
        ("completions", completion_events(), 1),
        ("responses", response_events(), 1),
        ("messages", message_events(), 2),
        ("messages", message_events(tools=[tool_use("f", {"a": 1})]), 2),
    ],
)
def test_only_the_last_events_end_a_stream(form: str, events: tuple[bytes, ...], left: int) -> None:
    ends = FORMS[form].ends
    assert not ends(b"".join(events[:-left]))
    assert ends(events[-left])
    assert ends(events[-1])


@pytest.mark.parametrize("form", ["chat", "completions", "responses", "messages"])
def test_an_error_ends_a_stream(form: str) -> None:
    made = FORMS[form]
    assert made.ends(made.stream_error(502, "no"))
    assert not made.ends(b": keep-alive\n\n")


@pytest.mark.parametrize("form", ["chat", "completions", "responses", "messages"])
@pytest.mark.parametrize("spaces", [(", ", ": "), (",", ":")])
def test_text_ends_nothing(form: str, spaces: tuple[str, str]) -> None:
    """Whatever a model says about streams."""
    delta = {"choices": [{"delta": {"content": MEAN}, "text": MEAN, "finish_reason": None}]}
    said = {**delta, "delta": MEAN, "message": {"stop_reason": None}, "error": None}
    for text in (json.dumps(said, separators=spaces), json.dumps(MEAN)):
        assert not FORMS[form].ends(event(text))
