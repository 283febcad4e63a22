from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from cprs_server.config.settings import Settings
from endpoints_app import application, digest
from fastapi.testclient import TestClient
from gated import PATIENT, Gated

Serve = Callable[..., TestClient]

FILLER = "The weather stayed mild and the ferry ran late again. " * 40
FACT = "Ann Lee chaired the budget meeting in Oslo. "
QUESTION = "Who chaired the budget meeting in Oslo?"
TEXT = FILLER + FACT + FILLER
ONE = "/api/compress/question-specific/"
BATCH = "/api/compress/question-specific/batch"


def keyed(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "sha256": digest(f"secret-{name}"), **more}


def bearing(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer secret-{name}"}


# Contexts with a question each.


@pytest.mark.parametrize(("ratio", "times"), [(0.5, 2.0), (0.9, 10.0), (4, 4.0), (1.0, 1000.0)])
def test_a_context_is_made_shorter(client: TestClient, ratio: float, times: float) -> None:
    body = {"context": TEXT, "query": QUESTION, "target_compression_ratio": ratio}
    if times > 100:
        body["context"] = TEXT * 20
    said = client.post(ONE, json={**body, "compression_model_name": "latte_v2", "source": "x"})
    data = said.json()["data"]
    assert said.status_code == 200
    assert FACT.strip() in data["compressed_context"]
    assert data["compressed_tokens"] <= data["original_tokens"] / times
    assert data["tokens_saved"] == data["original_tokens"] - data["compressed_tokens"]


def test_the_critic_is_the_first_routes_where_none_is_named(serve: Serve) -> None:
    route = {"models": ["*"], "upstream": "extract", "critic": "lexical"}
    client = serve({"critics": {"lexical": "lexical"}}, routes=[route])
    wanted = {"text": TEXT, "query": QUESTION, "budget": 60, "recoverable": True}
    made = client.post("/v1/compress", json=wanted)
    assert FACT.strip() in made.json()["text"]
    asking: dict[str, str | int] = {"query": QUESTION, "budget": 60}
    back = client.get(f"/v1/retrieve/{made.json()['hashes'][0]}", params=asking)
    assert FACT.strip() in back.json()["original_content"]
    said = client.post(ONE, json={"context": TEXT, "query": QUESTION})
    assert FACT.strip() in said.json()["data"]["compressed_context"]


def test_the_critic_decides_where_it_is_let(client: TestClient) -> None:
    body = {"context": TEXT, "query": QUESTION, "target_compression_ratio": 0.5, "dynamic": True}
    data = client.post(ONE, json=body).json()["data"]
    assert data["compressed_context"].strip() == FACT.strip()
    most = client.post(ONE, json={**body, "dynamic_max_ratio": 2}).json()["data"]
    assert 2 <= most["original_tokens"] / most["compressed_tokens"] < 3
    least = client.post(ONE, json={**body, "dynamic_min_ratio": 1.5}).json()["data"]
    assert least == {**data, "duration_ms": least["duration_ms"]}


def test_bounds_that_exclude_each_other(client: TestClient) -> None:
    body = {"context": TEXT, "query": QUESTION, "dynamic": True}
    said = client.post(ONE, json={**body, "dynamic_min_ratio": 9, "dynamic_max_ratio": 2})
    assert said.status_code == 400


def test_whole_paragraphs_where_coarse(client: TestClient) -> None:
    text = f"{FILLER}\n\n{FACT}It began at nine.\n\n{FILLER}"
    body = {"context": text, "query": QUESTION, "coarse": True, "dynamic": True}
    data = client.post(ONE, json=body).json()["data"]
    assert data["compressed_context"].strip() == f"{FACT}It began at nine."


def test_many_contexts_come_back_in_order(client: TestClient) -> None:
    other = "Bo Ek paid for the lunch in cash. "
    inputs = [
        {"context": TEXT, "query": QUESTION},
        {"context": "  ", "query": QUESTION},
        {"context": FILLER + other + FILLER, "query": "Who paid for the lunch?"},
    ]
    said = client.post(BATCH, json={"inputs": inputs, "dynamic": True})
    results = said.json()["data"]["results"]
    assert [each["compressed_context"].strip() for each in results] == [
        FACT.strip(),
        "",
        other.strip(),
    ]
    assert said.json()["data"]["count"] == 3


@pytest.mark.parametrize("path", [ONE, ONE[:-1], BATCH, BATCH + "/"])
def test_paths_with_and_without_a_slash(client: TestClient, path: str) -> None:
    body: dict[str, Any] = {"context": FACT, "query": QUESTION}
    if "batch" in path:
        body = {"inputs": [body]}
    assert client.post(path, json=body, follow_redirects=False).status_code == 200


def test_a_context_without_a_question_is_refused(client: TestClient) -> None:
    assert client.post(ONE, json={"context": TEXT, "query": ""}).status_code == 400
    assert client.post(ONE, json={"context": TEXT}).status_code == 400


# Plans.


def chat(content: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": content}], **more}


def test_a_plan_says_what_would_be_done(client: TestClient) -> None:
    body = chat(f"{TEXT * 3}\n\n{QUESTION}", cprs={"mode": "always", "budget": 100})
    plan = client.post("/v1/plan", json=body).json()
    assert (plan["form"], plan["decision"], plan["reason"]) == ("chat", "compress", "asked")
    assert plan["budget"] == 100
    (piece,) = plan["pieces"]
    assert piece["path"] == ["messages", 0, "content"]
    assert piece["query"] == QUESTION
    assert (
        body["messages"][0]["content"][piece["start"] : piece["end"]].strip() == (TEXT * 3).strip()
    )
    assert plan["upstream"] == "extract"


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (chat("hello"), "chat"),
        (chat("hello", system="Be brief."), "messages"),
        ({"model": "m", "input": "hello"}, "responses"),
        ({"model": "m", "prompt": "hello"}, "completions"),
    ],
)
def test_the_form_of_a_plan_is_guessed(client: TestClient, body: dict[str, Any], form: str) -> None:
    assert client.post("/v1/plan", json=body).json()["form"] == form
    said = client.post("/v1/plan", json=chat("hello"), params={"form": "chat"})
    assert said.json()["form"] == "chat"


def test_a_plan_for_what_is_no_request(client: TestClient) -> None:
    assert client.post("/v1/plan", json={}).status_code == 400
    assert client.post("/v1/plan", json=chat("x"), params={"form": "x"}).status_code == 400
    said = client.post("/v1/plan", json=chat("x", cprs={"ratio": 0}))
    assert "cprs.ratio" in said.json()["error"]["message"]


# What is kept, and for whom.


def test_a_compression_can_be_looked_at(client: TestClient) -> None:
    made = client.post("/v1/compress", json={"text": TEXT, "query": QUESTION}).json()
    kept = client.get(f"/v1/compressions/{made['id']}").json()
    assert kept["spans"] == made["spans"]
    assert kept["tokens_in"] == made["tokens_in"]
    assert FACT.strip() not in json.dumps(kept)


def test_what_is_not_kept_is_not_found(client: TestClient) -> None:
    for path in ("/v1/compressions/cprs-0", "/v1/retrieve/" + "0" * 24, "/v1/retrieve/..%2f"):
        assert client.get(path).status_code == 404, path


def test_originals_come_back_where_asked_for(client: TestClient) -> None:
    body = {"text": TEXT, "query": QUESTION, "budget": 20}
    assert client.post("/v1/compress", json=body).json()["hashes"] == []
    (name,) = client.post("/v1/compress", json={**body, "recoverable": True}).json()["hashes"]
    found = client.get(f"/v1/retrieve/{name}").json()
    assert found == {"hash": name, "original_content": TEXT, "whole": True}


def test_only_whoever_made_it_sees_it(serve: Serve) -> None:
    client = serve(keys=[keyed("ann"), keyed("bo")])
    body = {"text": TEXT, "query": QUESTION, "recoverable": True}
    assert client.post("/v1/compress", json=body).status_code == 401
    made = client.post("/v1/compress", json=body, headers=bearing("ann")).json()
    paths = [f"/v1/compressions/{made['id']}", f"/v1/retrieve/{made['hashes'][0]}"]
    for path in paths:
        assert client.get(path, headers=bearing("ann")).status_code == 200
        assert client.get(path, headers=bearing("bo")).status_code == 404
        assert client.get(path).status_code == 401


def test_without_keys_the_client_s_own_credentials_tell_clients_apart(client: TestClient) -> None:
    body = {"text": TEXT, "query": QUESTION}
    made = client.post("/v1/compress", json=body, headers=bearing("ann")).json()
    path = f"/v1/compressions/{made['id']}"
    assert client.get(path, headers=bearing("ann")).status_code == 200
    assert client.get(path, headers=bearing("bo")).status_code == 404
    assert client.get(path).status_code == 404


def test_a_key_s_caps_and_rate_hold(serve: Serve) -> None:
    client = serve(keys=[keyed("ann", max={"budget": 15}, requests_per_minute=2)])
    body = {"text": TEXT, "query": QUESTION, "budget": 1000, "threshold": 0.0}
    found = client.post("/v1/compress", json=body, headers=bearing("ann")).json()
    assert found["tokens_out"] <= 15
    assert client.post("/v1/compress", json=body, headers=bearing("ann")).status_code == 200
    assert client.post("/v1/compress", json=body, headers=bearing("ann")).status_code == 429


# Clients that go away.


def test_a_client_that_goes_stops_the_work() -> None:

    critic = Gated()

    async def main() -> None:
        api = application(Settings(), critics={"embedded": critic}, workers=1)
        body = json.dumps({"text": "Ann says so. " * 9000, "query": "Who?"}).encode()
        gone = asyncio.Event()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            """Nobody listens."""

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": "/v1/compress",
            "raw_path": b"/v1/compress",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "app": api,
        }
        task = asyncio.ensure_future(api(scope, receive, send))
        runner = api.state.own.runner
        while not critic.begun:
            await asyncio.sleep(0.002)
        gone.set()
        await asyncio.wait_for(task, PATIENT)
        critic.let(1000)
        while runner.status.running:
            await asyncio.sleep(0.002)
        assert len(critic.begun) == 1
        await runner.close()

    asyncio.run(asyncio.wait_for(main(), PATIENT))


# What is said of it all.


def test_the_description_is_whole(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    paths = {
        "/v1/compress": "post",
        "/v1/plan": "post",
        "/v1/compressions/{id}": "get",
        "/v1/retrieve/{hash}": "get",
        ONE: "post",
        BATCH: "post",
        "/qwen_long_compress_server": "post",
    }
    assert set(described["paths"]) == set(paths)
    for path, method in paths.items():
        operation = described["paths"][path][method]
        assert operation["summary"]
        assert "422" not in operation["responses"]
        assert {"200", "400", "401", "413", "429", "504"} <= set(operation["responses"])
