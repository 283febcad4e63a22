"""A vLLM server as the upstream of the proxy, asked by the openai SDK."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from cprs_server.app import create_app
from cprs_server.config.settings import Settings
from hybrids import TEXT
from loopback import served

from with_vllm.serving import vllm_serve

WINDOW = 1024
FACT = "Maria Alvarez took the chair."
QUESTION = "Who took the chair?"
REMARKS = TEXT.replace(FACT, "") * 60
LONG: Any = [{"role": "user", "content": f"{REMARKS}{FACT}\n{REMARKS}\n\n{QUESTION}"}]
SHORT: Any = [{"role": "user", "content": QUESTION}]


@dataclass(frozen=True)
class Served:
    vllm: str
    proxy: openai.OpenAI
    direct: openai.OpenAI


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from with_vllm.tiny import make_chatting

    folder = make_chatting(tmp_path_factory.mktemp("chatting"))
    log = tmp_path_factory.mktemp("log") / "log"
    options = ("--served-model-name", "tiny", "--max-model-len", str(WINDOW), "--dtype", "bfloat16")
    route = {"models": ["*"], "upstream": "vllm", "window": WINDOW, "critic": "lexical"}
    with vllm_serve(folder, *options, log=log) as url:
        settings = Settings.model_validate(
            {
                "upstreams": {"vllm": {"url": f"{url}/v1"}},
                "routes": [{**route, "tokenizer": str(folder / "tokenizer.json")}],
            }
        )
        with served(create_app(settings)) as proxy:
            yield Served(url, client(proxy), client(url))


def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


def test_chat(upstream: Served) -> None:
    asked: Any = {"model": "tiny", "messages": SHORT, "max_tokens": 8, "temperature": 0}
    through = upstream.proxy.chat.completions.with_raw_response.create(**asked)
    direct = upstream.direct.chat.completions.create(**asked)
    said = through.parse()
    assert through.headers["x-cprs-decision"] == "forward"
    assert said.choices[0].message.content == direct.choices[0].message.content
    assert said.usage == direct.usage


def test_chat_streamed(upstream: Served) -> None:
    asked: Any = {"model": "tiny", "messages": SHORT, "max_tokens": 8, "temperature": 0}
    events = list(upstream.proxy.chat.completions.create(**asked, stream=True))
    said = "".join(event.choices[0].delta.content or "" for event in events if event.choices)
    whole = upstream.direct.chat.completions.create(**asked)
    assert said == whole.choices[0].message.content
    assert len(events) > 2


def test_completions(upstream: Served) -> None:
    asked: Any = {"model": "tiny", "prompt": "Rain had", "max_tokens": 6, "temperature": 0}
    direct = upstream.direct.completions.create(**asked).choices[0].text
    assert upstream.proxy.completions.create(**asked).choices[0].text == direct
    events = upstream.proxy.completions.create(**asked, stream=True)
    assert "".join(event.choices[0].text for event in events if event.choices) == direct


@pytest.mark.parametrize("streams", [False, True])
def test_a_prompt_longer_than_the_window_is_made_to_fit(upstream: Served, streams: bool) -> None:
    asked: Any = {"model": "tiny", "messages": LONG, "max_tokens": 8}
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        upstream.direct.chat.completions.create(**asked)
    got = upstream.proxy.chat.completions.with_raw_response.create(
        **asked, stream=streams, stream_options={"include_usage": True} if streams else openai.omit
    )
    assert got.headers["x-cprs-decision"] == "compress"
    assert got.headers["x-cprs-reason"] == "over_window"
    said: Any = got.parse()
    usage = [event.usage for event in said if event.usage][-1] if streams else said.usage
    assert WINDOW / 4 < usage.prompt_tokens <= WINDOW - 8
    assert usage.completion_tokens > 0


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"model": "other"}, openai.NotFoundError),
        ({"temperature": -1}, openai.BadRequestError),
        ({"cprs": "off", "messages": LONG}, openai.BadRequestError),
    ],
)
def test_errors_are_relayed(
    upstream: Served, more: dict[str, Any], kind: type[openai.APIStatusError]
) -> None:
    asked: Any = {"model": "tiny", "messages": SHORT, "max_tokens": 8, **more}
    off = asked.pop("cprs", None)
    with pytest.raises(kind) as direct:
        upstream.direct.chat.completions.create(**asked)
    headers = {"x-cprs": off} if off else None
    with pytest.raises(kind) as through:
        upstream.proxy.chat.completions.create(**asked, extra_headers=headers)
    assert through.value.status_code == direct.value.status_code
    assert through.value.response.json() == direct.value.response.json()


def test_models(upstream: Served) -> None:
    assert "tiny" in [model.id for model in upstream.proxy.models.list()]


def test_a_client_that_goes_ends_what_vllm_does(upstream: Served) -> None:
    asked: Any = {"model": "tiny", "messages": SHORT, "max_tokens": 900, "stream": True}
    # It would go on for long: the end of a sequence is one of 400 tokens and is ignored.
    got = upstream.proxy.chat.completions.create(**asked, extra_body={"ignore_eos": True})
    next(iter(got))
    assert running(upstream.vllm) == 1
    whole, made = finished(upstream.vllm), generated(upstream.vllm)
    got.close()
    until = time.monotonic() + 30
    while running(upstream.vllm):
        assert time.monotonic() < until, "vLLM still generates for a client that has gone"
        time.sleep(0.2)
    assert finished(upstream.vllm) == whole, "it was not broken off"
    assert generated(upstream.vllm) - made < 900
    again: Any = {"model": "tiny", "messages": SHORT, "max_tokens": 2}
    assert upstream.proxy.chat.completions.create(**again).choices


def running(url: str) -> float:
    return _metric(url, "vllm:num_requests_running{")


def finished(url: str) -> float:
    """Requests that were answered to their end."""
    return _metric(url, "vllm:request_success_total{", 'finished_reason="length"')


def generated(url: str) -> float:
    """Tokens of all answers."""
    return _metric(url, "vllm:generation_tokens_total{")


def _metric(url: str, *holding: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if all(part in line for part in holding)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)
