"""Which upstream a model's requests go to, and as what."""

from typing import Any

import pytest
from cprs_server.config.settings import Key, Settings
from cprs_server.errors import ProxyError
from cprs_server.routing import Router

HASH = "0" * 64


def router(**values: Any) -> Router:
    return Router(Settings.model_validate(values))


TWO = {
    "openai": {"url": "https://api.openai.com/v1"},
    "local": {"url": "http://localhost:8000", "fallbacks": ["openai"]},
}
ROUTES = [
    {"models": ["cprs/special"], "upstream": "local", "rename": "big"},
    {"models": ["gpt-*", "o3"], "forms": ["chat", "responses"], "upstream": "openai"},
    {"models": ["qwen/*"], "upstream": "local", "rename": "served/{model}", "window": 4096},
    {"models": ["evidence"], "upstream": "extract"},
]


def test_nothing_configured_goes_to_extract() -> None:
    routed = router().route("gpt-4o", "chat")
    assert (routed.name, routed.upstream) == ("extract", None)
    assert routed.target.window is None, "what it reads has no bound"
    assert routed.target.price is None


@pytest.mark.parametrize("model", ["anything", "cprs/anything", ""])
def test_one_upstream_gets_all(model: str) -> None:
    routed = router(upstreams={"a": {"url": "http://a"}}).route(model)
    assert routed.name == "a"
    assert routed.target.model == model.removeprefix("cprs/")


@pytest.mark.parametrize(
    ("model", "form", "name", "sent"),
    [
        ("gpt-4o", "chat", "openai", "gpt-4o"),
        ("cprs/gpt-4o", "chat", "openai", "gpt-4o"),
        ("qwen/qwen3-8b", "chat", "local", "served/qwen/qwen3-8b"),
        ("cprs/qwen/qwen3-8b", "messages", "local", "served/qwen/qwen3-8b"),
        ("cprs/special", "chat", "local", "big"),
        ("evidence", "messages", "extract", "evidence"),
        ("cprs/extract", "chat", "extract", "cprs/extract"),
    ],
)
def test_routes(model: str, form: str, name: str, sent: str) -> None:
    routed = router(upstreams=TWO, routes=ROUTES).route(model, form)
    assert (routed.name, routed.target.model) == (name, sent)


@pytest.mark.parametrize(
    ("model", "form"),
    [("gpt-4o", "embeddings"), ("special", "chat"), ("GPT-4o", "chat"), ("cprs/", "chat")],
)
def test_no_route(model: str, form: str) -> None:
    with pytest.raises(ProxyError, match="no route") as caught:
        router(upstreams=TWO, routes=ROUTES).route(model, form)
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


def test_no_model_and_a_choice_of_upstreams() -> None:
    with pytest.raises(ProxyError, match="names no model"):
        router(upstreams=TWO, routes=ROUTES).route("")
    everything = [*ROUTES, {"models": ["*"], "upstream": "openai"}]
    assert router(upstreams=TWO, routes=everything).route("").name == "openai"
    assert router(upstreams=TWO, routes=ROUTES[2:]).route("").name == "local"


def test_what_is_known_of_the_target() -> None:
    made = router(
        upstreams=TWO,
        routes=ROUTES,
        windows={"gpt-4o-*": 999},
        prices={"gpt-4o-x": {"input": 7, "cached": 1}},
    )
    target = made.route("gpt-4o", "chat").target
    assert (target.window, target.tokenizer) == (128_000, "o200k_base")
    assert (target.price, target.cached_price) == (2.5, 1.25)
    own = made.route("gpt-4o-x", "chat").target
    assert (own.window, own.price, own.cached_price) == (999, 7, 1)
    assert made.route("qwen/q", "chat").target.window == 4096


def test_fallbacks() -> None:
    routed = router(upstreams=TWO, routes=ROUTES).route("qwen/q")
    assert [name for name, _ in routed.fallbacks] == ["openai"]


def test_a_key_that_is_bound_goes_nowhere_else() -> None:
    made = router(upstreams=TWO, routes=ROUTES)
    key = Key(name="k", sha256=HASH, upstream="local")
    assert made.route("gpt-4o", "chat", key).name == "local"
    assert made.route("qwen/q", "chat", key).target.model == "served/qwen/q"
    assert made.route("", None, key).name == "local"
    assert made.route("gpt-4o", "chat").name == "openai", "what was asked before is kept apart"
    assert [name for name, _ in made.upstreams(key)] == ["local"]
    assert [name for name, _ in made.upstreams()] == ["local", "openai"]


def test_names_to_list() -> None:
    made = router(upstreams=TWO, routes=ROUTES)
    assert made.models() == ["cprs/special", "o3", "evidence", "cprs/extract"]


def test_memory_of_names_has_a_bound() -> None:
    made = router()
    for number in range(1500):
        made.route(f"m{number}")
    assert len(made._known) <= 1024
    with pytest.raises(ProxyError, match="longer than 512"):
        made.route("m" * 1000)
