"""The route of QwenLong-CPRS's authors, asked as their example client asks it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from cprs_server.config.settings import Settings
from endpoints_app import application, digest
from loopback import served
from tagging import Tagging

from cprs.decode import Decoding

PATH = "/qwen_long_compress_server"
FILLER = "The weather stayed mild and the ferry ran late again. " * 30
FACT = "Ann Lee chaired the budget meeting in Oslo. "
PROMPT = (
    "You are an expert for information extraction, your task is to extract some sentences from the"
    " documents as the supporting facts of the user's question.\n## tagging rule:\n- tag the"
    " supporting facts with 'fact'"
)


def asked(context: str, query: str = "Who chaired the budget meeting?", **more: Any) -> Any:
    parameters = {
        "min_keyword_len": 1,
        "complete_sentence": False,
        "batch_size": 1,
        "chunk_size": 8192,
        **more,
    }
    messages = [
        {"role": "system", "content": PROMPT},
        {"role": "user", "content": query},
        {"role": "context", "content": context},
    ]
    return {
        "header": {"request_id": "1111abca"},
        "payload": {"input": {"messages": messages}, "parameters": parameters},
    }


def post(url: str, data: Any, **more: Any) -> Any:
    """As the example client does: JSON that does not say it is JSON, status not looked at."""
    return requests.request("POST", url + PATH, data=json.dumps(data), timeout=30, **more).json()


def test_their_client_gets_spans() -> None:
    with served(application(Settings())) as url:
        data = asked(FILLER + FACT + FILLER)
        said = post(url, data)
    assert said["payload"]["output"]["text"] == [FACT.strip()]
    assert "Doc content:\n\n" + "\n".join(said["payload"]["output"]["text"])
    assert said["payload"]["usage"]["input_tokens"] > 500
    assert said["header"] == {
        "request_id": "1111abca",
        "status_code": 200,
        "status_name": "Success",
        "status_message": "Success",
        "finished": True,
    }
    assert said["payload"]["input"] == data["payload"]["input"]
    assert said["payload"]["parameters"] == data["payload"]["parameters"]


GAP = "-" * 30


def test_tags_that_decide_are_decoded_as_published() -> None:
    critics = {"embedded": Tagging(Decoding())}
    text = f"- Abc {GAP} Def. -- E; fg-- h. {GAP} A"
    with served(application(Settings(), critics=critics)) as url:
        plain = post(url, asked(text, complete_sentence=True))
        offsets = post(url, asked(text, complete_sentence=True, return_offset=True))
        longer = post(url, asked(text, min_keyword_len=3))
    found = ["- Abc " + GAP + " Def.", "Def. -- E;"]
    assert plain["payload"]["output"]["text"][0] == found[0]
    for said, start, end in offsets["payload"]["output"]["text"]:
        assert text[start:end].strip() == said
    assert [said for said, *_ in offsets["payload"]["output"]["text"]] == plain["payload"][
        "output"
    ]["text"]
    assert len(longer["payload"]["output"]["text"]) < len(plain["payload"]["output"]["text"])


def test_spans_that_overlap_beyond_measure_are_joined() -> None:
    critics = {"embedded": Tagging(Decoding())}
    text = ("Ab" + "-" * 30) * 60
    with served(application(Settings(), critics=critics)) as url:
        said = post(url, asked(text, complete_sentence=True))
    assert sum(map(len, said["payload"]["output"]["text"])) <= 2 * len(text)


def test_defaults_are_theirs() -> None:
    critics = {"embedded": Tagging(Decoding())}
    data = asked(f"Abcd {GAP} Abcde {GAP}")
    del data["payload"]["parameters"]
    with served(application(Settings(), critics=critics)) as url:
        assert post(url, data)["payload"]["output"]["text"] == ["Abcde"]


@pytest.mark.parametrize(
    ("change", "status", "name"),
    [
        (lambda data: data["payload"]["input"]["messages"].pop(), 440, "SchemaError"),
        (lambda data: data["payload"].pop("input"), 400, "InvalidInputError"),
        (lambda data: data.pop("payload"), 400, "InvalidInputError"),
        (
            lambda data: data["payload"]["parameters"].update(min_keyword_len="x"),
            400,
            "InvalidInputError",
        ),
        (
            lambda data: data["payload"]["parameters"].update(critic="nobody"),
            400,
            "InvalidInputError",
        ),
    ],
)
def test_what_is_wrong_is_told_in_the_header(
    client: Any, change: Any, status: int, name: str
) -> None:
    data = asked("Some text.")
    change(data)
    said = client.post(PATH, content=json.dumps(data))
    header = said.json()["header"]
    assert said.status_code == 200
    assert (header["status_code"], header["status_name"]) == (status, name)
    assert header["request_id"] == "1111abca"
    assert said.json()["payload"]["output"] == {"is_match": False}
    assert said.json()["payload"]["usage"] == {"input_tokens": -1, "output_tokens": -1}


def test_nothing_in_an_empty_text(client: Any) -> None:
    said = client.post(PATH, json=asked(" \n")).json()
    assert said["payload"]["output"]["text"] == []
    assert said["payload"]["usage"]["input_tokens"] == 0


def test_pages_of_a_browser_cannot_ask(client: Any) -> None:
    body = json.dumps(asked("Some text."))
    assert (
        client.post(PATH, content=body, headers={"origin": "http://evil.test"}).status_code == 415
    )
    plain = {"content-type": "text/plain"}
    assert client.post(PATH, content=body, headers=plain).status_code == 415


def test_keys_are_asked_for_here_too(serve: Any) -> None:
    keyed = serve(keys=[{"name": "a", "sha256": digest("secret-a")}])
    body = json.dumps(asked("Some text."))
    assert keyed.post(PATH, content=body).status_code == 401
    bearing = {"authorization": "Bearer secret-a"}
    assert keyed.post(PATH, content=body, headers=bearing).status_code == 200


def test_the_critic_of_the_first_route(serve: Any) -> None:
    critics = {"mine": Tagging(Decoding(min_tokens=1))}
    routes = [{"models": ["*"], "upstream": "extract", "critic": "mine"}]
    said = serve({"critics": critics}, routes=routes).post(PATH, json=asked(f"Abc {GAP}")).json()
    assert said["payload"]["output"]["text"] == ["Abc"]
