"""The settings themselves: defaults, and what cannot be."""

import dataclasses

import pytest
from cprs_server.config.policy import Policy
from cprs_server.config.settings import Key, Limits, Settings, Upstream
from cprs_server.planning.base import Options
from pydantic import ValidationError

from cprs.engine.cores import cores

HASH = "ab" * 32


def test_nothing_configured_is_local_and_open_to_nobody_else() -> None:
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.upstreams == {}
    assert settings.cors == ()
    assert (settings.log.content, settings.log.format) == (False, None)
    assert settings.limits.body_bytes == 64 * 1024 * 1024
    assert settings.limits.running == cores()


def test_policy_says_every_option_and_nothing_by_itself() -> None:
    assert set(Policy.model_fields) == {field.name for field in dataclasses.fields(Options)}
    assert Policy().said() == {}
    assert dataclasses.replace(Options(), **Policy(budget=9, mode="audit").said()).budget == 9


@pytest.mark.parametrize(
    ("word", "said"),
    [("off", {"mode": "off"}), (False, {"mode": "off"}), ("sticky", {"sticky": True})],
)
def test_policy_as_a_word(word: object, said: dict[str, object]) -> None:
    assert Settings.model_validate({"policy": word}).policy.said() == said


def test_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_key_is_not_shown() -> None:
    upstream = Upstream.model_validate(
        {"url": "https://a.example", "api_key": "sk-1", "headers": {"X-Org": "o-2"}}
    )
    assert "sk-1" not in repr(upstream)
    assert "o-2" not in repr(upstream)
    assert list(upstream.headers) == ["x-org"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"upstreams": {"extract": {"url": "http://a"}}}, "upstreams.extract: the name is taken"),
        ({"routes": [{"models": ["*"], "upstream": "a"}]}, "known: extract"),
        ({"upstreams": {"a": {"url": "http://a", "fallbacks": ["b"]}}}, "fallbacks[0]: no upst"),
        ({"upstreams": {"a": {"url": "http://a", "fallbacks": ["a"]}}}, "no fallback of itself"),
        ({"upstreams": {n: {"url": "http://a"} for n in "ab"}}, "routes must say which models"),
        ({"keys": [{"name": "k", "sha256": HASH, "upstream": "z"}]}, "keys[0].upstream"),
        ({"keys": [{"name": n, "sha256": HASH} for n in "kl"]}, "keys[1].sha256: the same as"),
        ({"routes": [{"models": [], "upstream": "extract"}]}, "at least 1 item"),
        ({"shadow": 2}, "less than or equal to 1"),
        ({"limits": {"body_bytes": 0}}, "greater than 0"),
    ],
)
def test_what_does_not_fit_together(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(values)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("api.example.com", "ftp://a", "http://", "http://a?x=1", "http://a#x", "http://a/../b"),
        *("http://user:pass@a", "http://a:port", "http://a /b", "http://a\n.b", "http://[::1"),
    ],
)
def test_no_base_url(url: str) -> None:
    with pytest.raises(ValidationError):
        Upstream(url=url)


@pytest.mark.parametrize("name", ["Host", "content-length", "a b", "a:b", ""])
def test_no_header_to_set(name: str) -> None:
    with pytest.raises(ValidationError):
        Upstream.model_validate({"url": "http://a", "headers": {name: "x"}})


def test_sizes_and_hashes_are_read() -> None:
    limits = Limits.model_validate({"body_bytes": "1.5MiB", "header_bytes": "16kB"})
    assert (limits.body_bytes, limits.header_bytes) == (1_572_864, 16_000)
    assert Key(name="a", sha256=HASH.upper()).sha256 == HASH
