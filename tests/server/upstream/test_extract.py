from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from cprs_server.errors import ProxyError
from cprs_server.planning.base import Options, Plan, Target
from cprs_server.planning.planner import Planner
from cprs_server.running.service import Service
from cprs_server.upstream.extract import (
    NO_QUESTION,
    Extract,
    Extracted,
    ExtractReply,
    extract_options,
)
from cprs_server.wire.base import Conversation
from cprs_server.wire.forms import FORMS

FILLER = "The weather stayed mild and the ferry ran late again. " * 30
FACT = "Ann Lee chaired the budget meeting in Oslo. "
QUESTION = "Who chaired the budget meeting in Oslo?"
TARGET = Target("extract", None, "some-model")


def chat(content: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **more}


def planned(
    body: Mapping[str, Any], form: str = "chat", options: Options | None = None
) -> tuple[Conversation, Plan]:
    conversation = FORMS[form].read(body)
    options = extract_options(options or Options())
    return conversation, Planner().plan(conversation, options, TARGET)


def answered(
    body: Mapping[str, Any], form: str = "chat", options: Options | None = None, most: int = 4096
) -> Extracted:
    async def main() -> Extracted:
        service = Service(critics={"embedded": "lexical"}, workers=1)
        try:
            conversation, plan = planned(body, form, options)
            extract = Extract(service, most=most, clock=lambda: 7.5)
            return await extract.answer(conversation, plan, id="x1")
        finally:
            await service.close()

    return asyncio.run(main())


@pytest.mark.parametrize("order", ["text first", "question first"])
def test_the_answer_is_the_evidence(order: str) -> None:
    text = FILLER + FACT + FILLER
    parts = [text, QUESTION] if order == "text first" else [QUESTION, text]
    found = answered(chat("\n\n".join(parts)))
    assert found.answer.text == FACT.strip()
    assert found.answer.model == "m"
    assert found.answer.created == 7
    assert found.answer.tokens_in > 500
    assert 5 < found.answer.tokens_out < 30
    assert [one.critic for one in found.done] == ["lexical-1"]


def test_a_short_text_is_read_too() -> None:
    found = answered(chat(f"{FACT}Lunch was late. The ferry ran.\n\n{QUESTION}"))
    assert found.answer.text == FACT.strip()


def test_without_a_question_it_says_so() -> None:
    found = answered(chat(FILLER + FACT))
    assert found.answer.text == NO_QUESTION
    assert found.done == ()


def test_without_evidence_it_says_so() -> None:
    found = answered(chat(f"{FILLER}\n\nWhich zoologist discovered platypus venom?"))
    assert found.answer.text.startswith("Nothing in the ")


def test_an_explicit_budget_holds() -> None:
    text = (FACT + "Ann met Bo there. ") * 60
    found = answered(chat(f"{text}\n\n{QUESTION}"), options=Options(budget=40))
    assert 0 < found.answer.tokens_out <= 40


def test_an_answer_is_no_longer_than_the_client_wants() -> None:
    text = "".join(f"Ann Lee chaired the budget meeting in Oslo, room {n}. " for n in range(300))
    body = chat(f"{text}\n\n{QUESTION}", max_tokens=50)
    everything = Options(threshold=0.0)
    assert 0 < answered(body, options=everything).answer.tokens_out <= 50
    body["max_tokens"] = None
    assert 50 < answered(body, options=everything, most=200).answer.tokens_out <= 200


def test_tool_results_and_documents_answer_too() -> None:
    body = {
        "model": "m",
        "max_tokens": 1000,
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "source": {
                            "type": "text",
                            "media_type": "text/plain",
                            "data": FILLER + FACT,
                        },
                    },
                    {"type": "text", "text": QUESTION},
                ],
            }
        ],
    }
    assert answered(body, "messages").answer.text == FACT.strip()


@pytest.mark.parametrize("form", ["chat", "completions", "responses", "messages"])
@pytest.mark.parametrize("stream", [False, True])
def test_every_form_is_spoken(form: str, stream: bool) -> None:
    prompt = f"{FILLER}{FACT}\n\n{QUESTION}"
    body = {
        "chat": chat(prompt),
        "messages": chat(prompt, max_tokens=500),
        "completions": {"model": "m", "prompt": prompt},
        "responses": {"model": "m", "input": prompt},
    }[form]
    reply = ExtractReply.of(FORMS[form], answered(body, form).answer, stream=stream, usage=True)

    async def whole() -> bytes:
        parts = [part async for part in reply.body()]
        await reply.close()
        return b"".join(parts)

    said, headers = asyncio.run(whole()), dict(reply.headers)
    assert reply.status == 200
    assert FACT.strip().split(" in ")[0].encode() in said or stream
    if stream:
        assert headers[b"content-type"].startswith(b"text/event-stream")
        assert said.endswith(b"\n\n")
    else:
        assert headers[b"content-length"] == str(len(said)).encode()
        json.loads(said)


def test_a_refused_plan_is_an_error() -> None:
    conversation, _ = planned(chat("x"))
    plan = Plan("refuse", "over_window_uncompressible", Options(), TARGET, notes=("too long",))

    async def main() -> None:
        service = Service(critics={"embedded": "lexical"}, workers=1)
        try:
            await Extract(service).answer(conversation, plan, id="x")
        finally:
            await service.close()

    with pytest.raises(ProxyError, match="too long") as caught:
        asyncio.run(main())
    assert caught.value.status == 413
