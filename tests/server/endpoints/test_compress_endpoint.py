from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cprs import Compressor

FILLER = "The weather stayed mild and the ferry ran late again. " * 40
FACT = "Ann Lee chaired the budget meeting in Oslo. "
QUESTION = "Who chaired the budget meeting in Oslo?"
TEXT = FILLER + FACT + FILLER

Serve = Callable[..., TestClient]


def test_one_text_gives_what_the_compressor_gives(client: TestClient) -> None:
    said = client.post("/v1/compress", json={"text": TEXT, "query": QUESTION, "budget": 40})
    assert said.status_code == 200, said.text
    found, wanted = said.json(), Compressor("lexical").compress(TEXT, query=QUESTION, budget=40)
    assert found["text"] == wanted.text
    assert found["texts"] == [wanted.text]
    assert (found["tokens_in"], found["tokens_out"]) == (wanted.tokens_in, wanted.tokens_out)
    assert found["ratio"] == pytest.approx(wanted.ratio)
    assert [TEXT[s["start"] : s["end"]] for s in found["spans"]] == [
        TEXT[s.start : s.end] for s in wanted.spans
    ]
    assert found["critic"] == "lexical-1"
    assert found["id"].startswith("cprs-")


def test_texts_share_one_budget(client: TestClient) -> None:
    texts = [FILLER, {"text": TEXT, "name": "minutes.txt"}, FILLER]
    said = client.post("/v1/compress", json={"texts": texts, "query": QUESTION, "budget": 12})
    found = said.json()
    assert FACT.strip() in found["texts"][1]
    assert found["tokens_out"] <= 12
    assert {span["document"] for span in found["spans"]} == {1}


def test_tokens_are_those_of_the_model_named(client: TestClient) -> None:
    body = {"text": TEXT, "query": QUESTION, "ratio": 20, "model": "some/model"}
    found = client.post("/v1/compress", json=body).json()
    assert found["tokens_out"] <= found["tokens_in"] / 20
    assert any("estimated" in warning for warning in found["warnings"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"query": None}, "give a query"),
        ({"query": "  "}, "give a query"),
        ({"text": ""}, "at least 1 character"),
        ({"text": "  \n "}, "empty"),
        ({"text": 7}, "valid string"),
        ({"budget": 0}, "greater than or equal to 1"),
        ({"budget": 10, "ratio": 2}, "not both"),
        ({"budget": 1}, "too small"),
        ({"granularity": "stanza"}, "stanza"),
        ({"effort": "lazy"}, "effort"),
        ({"hops": 5}, "less than or equal to 4"),
        ({"format": "sonnet"}, "sonnet"),
        ({"critic": "../../etc"}, "unknown critic"),
        ({"model": "/etc/tokenizer.json"}, "model must be"),
        ({"model": "../secret"}, "model must be"),
        ({"bugdet": 5}, "bugdet"),
    ],
)
def test_what_makes_no_sense_is_said(
    client: TestClient, changes: dict[str, Any], says: str
) -> None:
    said = client.post("/v1/compress", json={"text": TEXT, "query": QUESTION, **changes})
    assert said.status_code == 400
    assert says in said.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'"text"', b'{"text": "\\ud800", "query": "x"}']
)
def test_bodies_that_cannot_be_read(client: TestClient, body: bytes) -> None:
    said = client.post("/v1/compress", content=body, headers={"content-type": "application/json"})
    assert said.status_code == 400
    assert said.json()["error"]["message"]


def test_a_packed_body_is_unpacked(client: TestClient) -> None:
    body = gzip.compress(json.dumps({"text": TEXT, "query": QUESTION}).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    said = client.post("/v1/compress", content=body, headers=headers)
    assert said.json()["text"].strip() == FACT.strip()


def test_a_body_longer_than_the_limit(serve: Serve) -> None:
    client = serve(limits={"body_bytes": 1000})
    said = client.post("/v1/compress", json={"text": TEXT, "query": QUESTION})
    assert said.status_code == 413
    assert client.post("/v1/compress", json={"text": FACT, "query": QUESTION}).status_code == 200


def test_a_body_up_to_the_limit_is_taken(client: TestClient) -> None:
    text = TEXT * 100
    said = client.post("/v1/compress", json={"text": text, "query": QUESTION, "budget": 50})
    assert said.json()["tokens_in"] > 80_000


def test_a_full_queue_and_a_deadline(serve: Serve) -> None:
    client = serve(limits={"deadline": 0.001})
    said = client.post("/v1/compress", json={"text": TEXT * 50, "query": QUESTION})
    assert said.status_code == 504
    assert said.json()["error"]["code"] == "deadline"


def messages(text: str = TEXT * 3, **more: Any) -> dict[str, Any]:
    return {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": f"{text}\n\n{QUESTION}"},
        ],
        **more,
    }


def test_messages_come_back_shorter(client: TestClient) -> None:
    body = messages(token_budget=300)
    found = client.post("/v1/compress", json=body).json()
    system, user = found["messages"]
    assert system == body["messages"][0]
    assert FACT.strip() in user["content"]
    assert user["content"].endswith(QUESTION)
    assert len(user["content"]) < len(body["messages"][1]["content"]) / 3
    assert found["tokens_after"] < found["tokens_before"] / 3
    assert found["tokens_saved"] == found["tokens_before"] - found["tokens_after"]
    assert found["compression_ratio"] == pytest.approx(
        found["tokens_after"] / found["tokens_before"]
    )
    assert found["transforms_applied"] == ["cprs:asked"]


def test_what_was_left_out_of_messages_can_be_had_back(client: TestClient) -> None:
    found = client.post("/v1/compress", json=messages()).json()
    (name,) = found["ccr_hashes"]
    assert f"hash={name}" in found["messages"][1]["content"]
    assert "headroom_retrieve" in found["messages"][1]["content"]
    original = client.get(f"/v1/retrieve/{name}").json()
    assert original["original_content"].strip() == (TEXT * 3).strip()
    part = client.get(f"/v1/retrieve/{name}", params={"query": QUESTION, "budget": 30}).json()
    assert FACT.strip() in part["original_content"]
    assert part["whole"] is False


def test_the_same_messages_give_the_same_bytes(client: TestClient) -> None:
    said = [client.post("/v1/compress", json=messages()).json()["messages"] for _ in range(2)]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (messages(), {"x-headroom-bypass": "true"}, "mode_off"),
        (messages(), {"x-cprs": "off"}, "mode_off"),
        (messages(FACT), {}, "nothing_compressible"),
    ],
)
def test_messages_left_alone(
    client: TestClient, body: dict[str, Any], headers: dict[str, str], reason: str
) -> None:
    found = client.post("/v1/compress", json=body, headers=headers).json()
    assert found["messages"] == body["messages"]
    assert found["reason"] == reason
    assert found["tokens_saved"] == 0
    assert found["transforms_applied"] == []


def test_tool_results_alone_where_asked(client: TestClient) -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "who_chaired", "arguments": "{}"}}
    ]
    body = messages(config={"compress_user_messages": False})
    body["messages"] += [
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": TEXT * 3},
    ]
    found = client.post("/v1/compress", json=body).json()
    assert found["messages"][:3] == body["messages"][:3]
    assert len(found["messages"][3]["content"]) < len(TEXT)
    body["config"] = {"protect_recent": 4}
    assert client.post("/v1/compress", json=body).json()["messages"] == body["messages"]


def test_anthropic_messages_are_read_as_such(client: TestClient) -> None:
    block = {"type": "tool_use", "id": "t1", "name": "minutes", "input": {"find": QUESTION}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": TEXT * 3}
    body = {
        "messages": [
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": [block]},
            {"role": "user", "content": [result]},
        ]
    }
    found = client.post("/v1/compress", json=body).json()
    content = found["messages"][2]["content"][0]["content"]
    assert FACT.strip() in content
    assert len(content) < len(TEXT)


def test_messages_must_be_there(client: TestClient) -> None:
    said = client.post("/v1/compress", json={"messages": []})
    assert said.status_code == 400
