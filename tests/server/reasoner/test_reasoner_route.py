"""A route to a reasoner, with the SDKs of both APIs on one side and an upstream on the other."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest
from cprs_server.app import create_app
from cprs_server.config.settings import Settings
from cprs_server.planning.base import Target
from cprs_server.reasoner.prompt import ROOM, as_trained, with_room
from cprs_server.wire.base import Conversation, Text
from cprs_server.wire.forms import FORMS
from cprs_server.wire.splice import Edit, splice
from loopback import served
from programmable import Upstream, plain, stream
from shapes import chat, chat_events, message, message_events

from cprs.l1.example import Example
from cprs.l1.prompt import ANSWER_FORM, READ, prompt_of

TEXT = "The harbour was quiet and few people walked along it while it rained. " * 40
FACT = "The ferry to Rathlin leaves at 7:45 from the old quay."
QUESTION = "When does the ferry to Rathlin leave?"
DOCUMENT = f"{TEXT}{FACT} {TEXT.strip()}"
SAID = ("<think>\nThe te", "xt says 7:45.\n</th", "ink>\n\nTherefore, the answer", " is 7:45.")


def settings(upstream: Upstream, **route: Any) -> Settings:
    made = {
        "models": ["qwenlong-l1"],
        "upstream": "vllm",
        "rename": "Tongyi-Zhiwen/QwenLong-L1-32B",
        "critic": "lexical",
        "window": 131_072,
        "reasoner": "l1",
        **route,
    }
    return Settings.model_validate({"upstreams": {"vllm": {"url": upstream.url}}, "routes": [made]})


def content(upstream: Upstream) -> str:
    found = upstream.seen[-1].json["messages"][-1]["content"]
    assert isinstance(found, str)
    return found


def ask(url: str, text: Any, **more: Any) -> Any:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
        turn: Any = [{"role": "user", "content": text}]
        made = client.chat.completions.create(model="qwenlong-l1", messages=turn, **more)
        return list(made) if more.get("stream") else made


def test_it_is_asked_as_in_training_and_its_thinking_told_apart(upstream: Upstream) -> None:
    upstream.reply(plain(chat("".join(SAID))))
    with served(create_app(settings(upstream))) as url:
        got = ask(url, f"{DOCUMENT}\n\n{QUESTION}").choices[0].message
    assert got.content == "Therefore, the answer is 7:45."
    assert got.reasoning_content == "The text says 7:45."
    assert upstream.seen[-1].json["model"] == "Tongyi-Zhiwen/QwenLong-L1-32B"
    assert content(upstream) == prompt_of(Example("x", QUESTION, DOCUMENT, ("7:45",)))


def test_what_is_compressed_stands_between_the_tags(upstream: Upstream) -> None:
    upstream.reply(plain(chat("".join(SAID))))
    with served(create_app(settings(upstream))) as url:
        more = {"cprs": {"mode": "always", "budget": 60, "answer": True}}
        got = ask(url, f"{DOCUMENT}\n\n{QUESTION}", extra_body=more).choices[0].message
    assert got.content == "7:45"
    asked = content(upstream)
    assert "cprs" not in upstream.seen[-1].json
    assert len(asked) < len(DOCUMENT) / 4
    before, _, rest = asked.partition("<text>\n")
    kept, _, after = rest.partition("\n</text>")
    assert before == f"{READ}\n\n"
    assert FACT in kept
    assert after == f"\n\n{QUESTION}\n\n{ANSWER_FORM}"


def test_a_stream(upstream: Upstream) -> None:
    upstream.reply(stream(chat_events(SAID, usage=True)))
    with served(create_app(settings(upstream, answer_only=True))) as url:
        more = {"cprs": {"usage": True}}
        chunks = ask(url, f"{DOCUMENT}\n\n{QUESTION}", stream=True, extra_body=more)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    thinking = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert thinking.strip() == "The text says 7:45."
    assert "".join(delta.content or "" for delta in deltas) == "7:45"
    assert chunks[-1].usage.cprs["decision"] == "forward"


@pytest.mark.parametrize("streams", [False, True])
def test_messages(upstream: Upstream, streams: bool) -> None:
    events = stream(message_events(SAID))
    upstream.reply(events if streams else plain(message([{"type": "text", "text": "".join(SAID)}])))
    turn: Any = [{"role": "user", "content": f"{QUESTION}\n\n{DOCUMENT}"}]
    asked: Any = {"model": "qwenlong-l1", "max_tokens": 12_000, "messages": turn}
    with (
        served(create_app(settings(upstream))) as url,
        anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client,
    ):
        if streams:
            with client.messages.stream(**asked) as got:
                made = got.get_final_message()
        else:
            made = client.messages.create(**asked)
    thinking, answer = made.content
    assert thinking.type == "thinking"
    assert thinking.thinking.strip() == "The text says 7:45."
    assert answer.type == "text"
    assert answer.text == "Therefore, the answer is 7:45."
    # The text comes first whatever the order was.
    assert content(upstream) == prompt_of(Example("x", QUESTION, DOCUMENT, ("7:45",)))


def test_other_routes_and_forms_stay_as_they_are(upstream: Upstream) -> None:
    with served(create_app(settings(upstream, reasoner=None))) as url:
        ask(url, f"{DOCUMENT}\n\n{QUESTION}")
    assert content(upstream) == f"{DOCUMENT}\n\n{QUESTION}"


def trained(*parts: str, edits: tuple[Edit, ...] = (), role: str = "user") -> list[str]:
    """The texts of a request's turn after the change."""
    made = [{"type": "text", "text": part} for part in parts]
    body = {"model": "m", "messages": [{"role": role, "content": made}]}
    conversation = FORMS["chat"].read(body)
    out = json.loads(splice(json.dumps(body).encode(), as_trained(conversation, edits)))
    return [part["text"] for part in out["messages"][0]["content"]]


def test_labels_go_and_words_stay() -> None:
    (made,) = trained(f"Context:\n{DOCUMENT}\n\nQuestion: {QUESTION} Be brief.")
    assert made.startswith(f"{READ}\n\n<text>\n{DOCUMENT}\n</text>\n\n")
    assert made.endswith(f"Question: {QUESTION} Be brief.\n\n{ANSWER_FORM}")
    assert "Context:" not in made


def test_text_and_question_in_parts_of_their_own() -> None:
    first, last = trained(DOCUMENT, QUESTION)
    joined = f"{first}\n{last}"
    assert joined == prompt_of(Example("x", QUESTION, DOCUMENT, ("7:45",)))
    path = ("messages", 0, "content", 0, "text")
    first, _ = trained(DOCUMENT, QUESTION, edits=(Edit(path, 0, len(DOCUMENT), FACT),))
    assert first == f"{READ}\n\n<text>\n{FACT}\n</text>\n"


def test_a_question_alone_is_told_how_to_answer_and_the_form_is_not_put_twice() -> None:
    assert trained(QUESTION) == [f"{QUESTION}\n\n{ANSWER_FORM}"]
    formed = prompt_of(Example("x", QUESTION, DOCUMENT, ("7:45",)))
    assert trained(formed) == [formed]
    pinned = Text(("prompt",), QUESTION, "question", 0, pinned=True)
    assert as_trained(Conversation("chat", "m", False, (pinned,)), ()) == ()
    assert trained(QUESTION, role="assistant") == [QUESTION]


def test_room_for_thinking() -> None:
    conversation = Conversation("chat", "m", False, ())
    target = Target("m", 131_072, "m")
    assert (with_room(conversation, target).output_tokens or 0) >= ROOM == 10_000
    asked = Conversation("chat", "m", False, (), output_tokens=20_000)
    assert (with_room(asked, target).output_tokens or 0) >= 20_000
    small = Target("m", 8_192, "m")
    assert (with_room(conversation, small).output_tokens or 0) < 5_000


def test_a_full_window_is_brought_down_to_what_leaves_room(upstream: Upstream) -> None:
    upstream.reply(plain(chat("".join(SAID))))
    long = f"{TEXT * 25}{FACT} {TEXT.strip()}"  # some 14,000 tokens: a window without an answer
    with served(create_app(settings(upstream, window=20_000, tokenizer="gpt-4o"))) as url:
        ask(url, f"{long}\n\n{QUESTION}")
    asked = content(upstream)
    assert FACT in asked
    assert len(asked) < len(long) * 0.8
