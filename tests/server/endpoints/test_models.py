"""The list of models: the upstreams', under the names that this proxy gives them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from typing import Any, TypeVar

import anthropic
import openai
import pytest
from cprs_server.config.settings import Key, Settings
from cprs_server.endpoints.models import Asker, Fetched, Models, models_router
from cprs_server.errors import ProxyError
from cprs_server.routing import Router
from cprs_server.upstream.transport import HttpTransport
from fastapi import FastAPI
from loopback import served
from programmable import Seen, Upstream, after, cut, garbage, plain, reset

T = TypeVar("T")

CLIENT = ((b"authorization", b"Bearer sk-client"), (b"accept", b"*/*"))
ANTHROPIC = ((b"anthropic-version", b"2023-06-01"), (b"x-api-key", b"sk-ant"))


def entries(*names: str) -> Any:
    data = [{"id": n, "object": "model", "created": 7, "owned_by": "them", "x": 1} for n in names]
    return {"object": "list", "data": data}


def made(upstream: Upstream, **more: Any) -> Settings:
    return Settings.model_validate({"upstreams": {"one": {"url": upstream.url + "/v1"}}, **more})


def asked(
    settings: Settings,
    work: Callable[[Models, Asker], Coroutine[Any, Any, T]],
    *,
    headers: tuple[tuple[bytes, bytes], ...] = CLIENT,
    key: Key | None = None,
    own: bool = False,
) -> T:
    async def run() -> T:
        transport = HttpTransport()
        try:
            models = Models(transport, seconds=1.0)
            return await work(models, Asker(Router(settings), key, headers, own))
        finally:
            await transport.close()

    return asyncio.run(run())


def names(fetched: Fetched) -> list[str]:
    assert fetched.status == 200
    return [model["id"] for model in json.loads(fetched.body)["data"]]


def test_names_and_aliases(upstream: Upstream) -> None:
    upstream.reply(plain(entries("gpt-4o", "small")))
    got = asked(made(upstream), lambda models, asker: models.all(asker))
    assert names(got) == ["gpt-4o", "small", "cprs/gpt-4o", "cprs/small", "cprs/extract"]
    first = json.loads(got.body)["data"][0]
    assert first == entries("gpt-4o")["data"][0]
    [seen] = upstream.seen
    assert (seen.target, seen.header("authorization")) == ("/v1/models", "Bearer sk-client")


def test_only_what_is_routed_there_and_names_of_routes(upstream: Upstream) -> None:
    upstream.reply(plain(entries("gpt-4o", "dall-e-3")))
    routes = [
        {"models": ["fast"], "upstream": "one", "rename": "gpt-4o"},
        {"models": ["gpt-*"], "upstream": "one"},
    ]
    settings = made(upstream, routes=routes)
    got = asked(settings, lambda models, asker: models.all(asker))
    assert names(got) == ["gpt-4o", "cprs/gpt-4o", "fast", "cprs/extract"]


def test_anthropics_form(upstream: Upstream) -> None:
    upstream.reply(plain({**entries("claude-x"), "has_more": True}))
    got = asked(
        made(upstream), lambda models, asker: models.all(asker, "limit=1"), headers=ANTHROPIC
    )
    said = json.loads(got.body)
    assert (said["first_id"], said["last_id"], said["has_more"]) == (
        "claude-x",
        "cprs/extract",
        True,
    )
    assert said["data"][0]["type"] == "model"
    assert said["data"][0]["created_at"] == "1970-01-01T00:00:07Z"
    assert upstream.seen[0].target == "/v1/models?limit=1"


def several(upstream: Upstream, **more: Any) -> Settings:
    base = upstream.url
    return Settings.model_validate(
        {
            "upstreams": {
                "keyed": {"url": base + "/a/v1", "api_key": "sk-keyed"},
                "client": {"url": base + "/b/v1"},
                "other": {"url": base + "/c/v1"},
            },
            "routes": [
                {"models": ["k-*"], "upstream": "keyed"},
                {"models": ["o-*"], "upstream": "other"},
                {"models": ["*"], "upstream": "client"},
            ],
            **more,
        }
    )


def test_a_clients_key_goes_to_one_upstream(upstream: Upstream) -> None:
    def answer(seen: Seen) -> Any:
        return plain(entries("k-1" if seen.path.startswith("/a") else "c-1"))

    upstream.default = answer
    got = asked(several(upstream), lambda models, asker: models.all(asker))
    assert names(got)[:2] == ["k-1", "c-1"]
    told = {seen.path: seen.header("authorization") for seen in upstream.seen}
    assert told == {"/a/v1/models": "Bearer sk-keyed", "/b/v1/models": "Bearer sk-client"}


def test_a_key_of_ours_goes_to_none(upstream: Upstream) -> None:
    upstream.default = lambda seen: plain(entries("c-1"))
    asked(several(upstream), lambda models, asker: models.all(asker), own=True)
    assert {seen.header("authorization") for seen in upstream.seen} == {"Bearer sk-keyed", None}


def test_a_bound_key_sees_its_upstream_alone(upstream: Upstream) -> None:
    upstream.default = lambda seen: plain(entries("x-1"))
    key = Key(name="ann", sha256="a" * 64, upstream="keyed")
    got = asked(several(upstream), lambda models, asker: models.all(asker), key=key)
    assert [seen.path for seen in upstream.seen] == ["/a/v1/models"]
    assert names(got)[0] == "x-1"


def test_one_that_fails_is_left_out(upstream: Upstream) -> None:
    bad = [reset(), garbage(), plain(b"<html>"), plain({"error": 1}, status=401)]
    bad += [cut(b'{"data"', said=99), after(3, plain({})), plain(b"[" * 100_000)]
    for script in bad:
        upstream.seen.clear()
        upstream.default = lambda seen, script=script: (  # type: ignore[misc]
            script if seen.path.startswith("/a") else plain(entries("c-1"))
        )
        got = asked(several(upstream), lambda models, asker: models.all(asker))
        assert names(got) == ["c-1", "cprs/c-1", "cprs/extract"]


def test_the_only_one_that_fails_is_told(upstream: Upstream) -> None:
    upstream.reply(plain({"error": {"message": "bad key"}}, status=401))
    got = asked(made(upstream), lambda models, asker: models.all(asker))
    assert (got.status, json.loads(got.body)) == (401, {"error": {"message": "bad key"}})
    for script, status in ((plain(b"<html>"), 502), (after(3, plain({})), 504)):
        upstream.default = lambda seen, script=script: script  # type: ignore[misc]
        with pytest.raises(ProxyError) as raised:
            asked(made(upstream), lambda models, asker: models.all(asker))
        assert raised.value.status == status


def test_one_model(upstream: Upstream) -> None:
    entry = entries("gpt-4o")["data"][0]
    upstream.default = lambda seen: plain(entry)
    settings = made(upstream)
    got = asked(settings, lambda models, asker: models.one(asker, "gpt-4o"))
    assert json.loads(got.body) == entry
    got = asked(settings, lambda models, asker: models.one(asker, "cprs/gpt-4o"))
    assert json.loads(got.body) == {**entry, "id": "cprs/gpt-4o"}
    got = asked(settings, lambda models, asker: models.one(asker, "org/name"))
    assert [seen.target for seen in upstream.seen] == [
        "/v1/models/gpt-4o",
        "/v1/models/gpt-4o",
        "/v1/models/org%2Fname",
    ]


def test_one_that_is_ours_or_nobodys() -> None:
    settings = Settings()
    got = asked(settings, lambda models, asker: models.one(asker, "cprs/extract"))
    assert json.loads(got.body)["owned_by"] == "cprs"
    with pytest.raises(ProxyError) as raised:
        asked(settings, lambda models, asker: models.one(asker, "no-such"))
    assert raised.value.status == 404
    got = asked(settings, lambda models, asker: models.all(asker))
    assert names(got) == ["cprs/extract"]


def test_sdks_read_them(upstream: Upstream) -> None:
    upstream.default = lambda seen: plain(
        entries("gpt-4o") if seen.path.endswith("models") else entries("gpt-4o")["data"][0]
    )
    router, transport = Router(made(upstream)), HttpTransport()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await transport.close()

    app = FastAPI(lifespan=lifespan)
    models = Models(transport)
    app.include_router(
        models_router(models, lambda r: Asker(router, None, tuple(r.scope["headers"])))
    )
    with served(app) as url, ExitStack() as opened:
        client = opened.enter_context(openai.OpenAI(base_url=url + "/v1", api_key="k"))
        assert [m.id for m in client.models.list()][-1] == "cprs/extract"
        assert client.models.retrieve("cprs/gpt-4o").id == "cprs/gpt-4o"
        other = opened.enter_context(anthropic.Anthropic(base_url=url, api_key="k"))
        listed = [m.id for m in other.models.list().data]
        assert listed == ["gpt-4o", "cprs/gpt-4o", "cprs/extract"]
        assert other.models.retrieve("cprs/extract").display_name == "cprs/extract"
