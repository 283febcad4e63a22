"""Thinking told apart from answers, whole and in any parts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cprs_server.reasoner import chat, messages
from cprs_server.reasoner.thinking import Thinking, bare, split
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import chat as completion
from shapes import chat_chunk, event

SAID = "<think>\nFirst a < b, then </thin air.\n</think>\n\nTherefore, the answer is **Oslo**."


@pytest.mark.parametrize(
    ("said", "ended", "thinking", "answer"),
    [
        ("<think>\nhm\n</think>\n\nyes", True, "hm", "yes"),
        ("hm</think>yes</think>no", True, "hm", "yes</think>no"),
        ("<think>hm", True, "hm", ""),
        ("<think>hm", False, "hm", ""),
        ("yes", True, "", "yes"),
        ("yes", False, "yes", ""),
        ("", True, "", ""),
        ("<thi", True, "", "<thi"),
        ("hm</think>", True, "hm", ""),
    ],
)
def test_thinking_ends_at_its_tag(said: str, ended: bool, thinking: str, answer: str) -> None:
    assert split(said, ended=ended) == (thinking, answer)


def test_the_answer_alone() -> None:
    assert bare("So it is.\nTherefore, the answer is **Oslo**.") == "Oslo"
    assert bare(" It has no form. ") == "It has no form."


PIECES = st.lists(st.sampled_from(["<think>", "</think>", "<", "/", "th", "ink>", " ", "x\n", "é"]))


@settings(deadline=None)
@given(PIECES, st.data())
def test_parts_make_no_difference(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    size = data.draw(st.integers(1, max(1, len(text))))
    whole, parts = Thinking(), Thinking()
    thought, answered = whole.feed(text)
    told = [parts.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(one for one, _ in told) + parts.end() == thought + whole.end()
    assert "".join(other for _, other in told) == answered
    assert parts.unthought == whole.unthought


def streamed(parts: list[str], *, finish: str = "stop", answer: bool = False) -> dict[str, str]:
    """What a client gathers of a stream of chat chunks."""
    edit = chat.ChatStream(answer=answer)
    events = [chat_chunk({"role": "assistant", "content": ""})]
    events += [chat_chunk({"content": part}) for part in parts]
    events.append(chat_chunk({}, finish))
    raw = b"".join(map(event, events)) + b"data: [DONE]\n\n"
    # In parts of any size, as they may come.
    out = b"".join(edit.feed(raw[at : at + 70]) for at in range(0, len(raw), 70)) + edit.flush()
    assert out.endswith(b"data: [DONE]\n\n")
    got: dict[str, str] = {}
    finishes = []
    for line in out.split(b"\n\n")[:-2]:
        choice = json.loads(line.removeprefix(b"data: "))["choices"][0]
        finishes.append(choice["finish_reason"])
        for key, value in choice["delta"].items():
            got[key] = got.get(key, "") + (value or "")
    assert finishes[-1] == finish
    assert not any(finishes[:-1])
    return got


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_stream_of_chunks(size: int) -> None:
    parts = [SAID[at : at + size] for at in range(0, len(SAID), size)]
    got = streamed(parts)
    assert got["role"] == "assistant"
    assert got["reasoning_content"].strip() == "First a < b, then </thin air."
    assert got["content"] == "Therefore, the answer is **Oslo**."
    assert streamed(parts, answer=True)["content"] == "Oslo"


def test_a_stream_that_never_thinks_or_never_ends() -> None:
    assert streamed(["It is ", "Oslo."])["content"] == "It is Oslo."
    cut = streamed(["It is </thi"], finish="length")
    assert cut["content"] == ""
    assert cut["reasoning_content"] == "It is </thi"


def test_a_stream_that_breaks_off_keeps_what_waited() -> None:
    edit = chat.ChatStream()
    out = edit.feed(event(chat_chunk({"content": "hm </th"}))) + edit.flush()
    deltas = [json.loads(e[6:])["choices"][0]["delta"] for e in out.split(b"\n\n")[:-1]]
    assert "".join(delta["reasoning_content"] for delta in deltas) == "hm </th"


def test_what_the_upstream_told_apart_stays() -> None:
    edit = chat.ChatStream(answer=True)
    chunks = [
        {"reasoning": "hm"},
        {"content": "the answer is "},
        {"content": "Oslo"},
    ]
    out = b"".join(edit.feed(event(chat_chunk(each))) for each in chunks)
    out += edit.feed(event(chat_chunk({}, "stop")))
    deltas = [json.loads(e[6:])["choices"][0]["delta"] for e in out.split(b"\n\n")[:-1]]
    assert deltas == [{"reasoning": "hm", "reasoning_content": "hm"}, {"content": "Oslo"}]
    body = json.dumps(completion("</think> is a tag", reasoning="hm")).encode()
    message = json.loads(chat.whole(body))["choices"][0]["message"]
    assert message["reasoning_content"] == "hm"
    assert message["content"] == "</think> is a tag"


def test_usage_and_other_choices_pass() -> None:
    edit = chat.ChatStream()
    last = {**chat_chunk({}), "choices": [], "usage": {"total_tokens": 3}}
    assert edit.feed(event(last)) == event(last)
    assert edit.feed(b": ping\n\n") == b": ping\n\n"
    assert edit.feed(b"data: nonsense\n\n") == b"data: nonsense\n\n"
    other = chat_chunk({"content": "b</think>c"})
    other["choices"][0]["index"] = 1
    edit.feed(event(chat_chunk({"content": "a"})))
    made = [json.loads(e[6:])["choices"] for e in edit.feed(event(other)).split(b"\n\n")[:-1]]
    assert [(one["index"], one["delta"]) for (one,) in made] == [
        (1, {"reasoning_content": "b"}),
        (1, {"content": "c"}),
    ]


def test_what_is_no_answer_passes() -> None:
    for body in (b"no json", b'{"choices":3}', b'{"content":3}', b'{"error":{}}', b"[]"):
        assert chat.whole(body) == body
        assert messages.whole(body) == body


def blocks(events: list[dict[str, Any]], *, answer: bool = False) -> list[dict[str, Any]]:
    """The blocks a client gathers of a stream of a message's events; their order is checked."""
    edit = messages.MessageStream(answer=answer)
    out = b"".join(edit.feed(event(each, each["type"])) for each in events) + edit.flush()
    made: list[dict[str, Any]] = []
    open_ = False
    for raw in out.split(b"\n\n")[:-1]:
        name, data = raw.split(b"\n", 1)
        value = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + value["type"].encode()
        if value["type"] == "content_block_start":
            assert not open_
            assert value["index"] == len(made)
            made.append(dict(value["content_block"]))
            open_ = True
        elif value["type"] == "content_block_delta":
            assert open_
            assert value["index"] == len(made) - 1
            for key in ("text", "thinking"):
                if key in value["delta"]:
                    made[-1][key] += value["delta"][key]
        elif value["type"] == "content_block_stop":
            assert value["index"] == len(made) - 1
            open_ = False
    assert not open_
    return made


def said(parts: list[str], *, index: int = 0, kind: str = "text") -> list[dict[str, Any]]:
    block = {"type": kind, kind: "", **({"signature": ""} if kind == "thinking" else {})}
    deltas = [
        {
            "type": "content_block_delta",
            "index": index,
            "delta": {"type": f"{kind}_delta", kind: part},
        }
        for part in parts
    ]
    start = {"type": "content_block_start", "index": index, "content_block": block}
    return [start, *deltas, {"type": "content_block_stop", "index": index}]


def end(reason: str) -> list[dict[str, Any]]:
    return [{"type": "message_delta", "delta": {"stop_reason": reason}}, {"type": "message_stop"}]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_stream_of_blocks(size: int) -> None:
    parts = [SAID[at : at + size] for at in range(0, len(SAID), size)]
    events = [*said(parts), *said(["more"], index=1), *end("end_turn")]
    thinking, text, more = blocks(events)
    assert (thinking["type"], text["type"]) == ("thinking", "text")
    assert thinking["thinking"].strip() == "First a < b, then </thin air."
    assert text["text"] == "Therefore, the answer is **Oslo**."
    assert more["text"] == "more"
    assert blocks(events, answer=True)[1]["text"] == "Oslo"


def test_blocks_without_thinking_or_without_end() -> None:
    assert [b["type"] for b in blocks([*said(["Oslo."]), *end("end_turn")])] == ["thinking", "text"]
    assert blocks([*said(["Oslo."]), *end("end_turn")])[1]["text"] == "Oslo."
    (only,) = blocks([*said(["Oslo."]), *end("max_tokens")])
    assert only["thinking"] == "Oslo."
    apart = [*said(["hm"], kind="thinking"), *said(["the answer is Oslo"], index=1), *end("x")]
    assert blocks(apart)[1]["text"] == "the answer is Oslo"
    assert blocks(apart, answer=True)[1]["text"] == "Oslo"


def test_whole_messages() -> None:
    def made(*content: dict[str, Any], reason: str = "end_turn", answer: bool = False) -> Any:
        body = json.dumps({"content": content, "stop_reason": reason}).encode()
        return json.loads(messages.whole(body, answer=answer))["content"]

    text = {"type": "text", "text": SAID}
    thinking, answer = made(text)
    assert thinking == {
        "type": "thinking",
        "thinking": "First a < b, then </thin air.",
        "signature": "",
    }
    assert answer == {"type": "text", "text": "Therefore, the answer is **Oslo**."}
    assert made(text, answer=True)[1]["text"] == "Oslo"
    assert [b["type"] for b in made({"type": "text", "text": "hm"}, reason="max_tokens")] == [
        "thinking"
    ]
    assert made(thinking, text) == [thinking, text]
