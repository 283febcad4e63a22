"""Where a client's path leads at an upstream."""

from urllib.parse import urlsplit

import pytest
from cprs_server.config.settings import Upstream
from cprs_server.errors import ProxyError
from cprs_server.urls import upstream_url
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://api.openai.com/v1", "/v1/models", "https://api.openai.com/v1/models"),
        ("https://api.openai.com", "/v1/models", "https://api.openai.com/v1/models"),
        ("https://api.anthropic.com", "/v1/messages", "https://api.anthropic.com/v1/messages"),
        ("https://h/openai/v1/", "/v1/chat/completions", "https://h/openai/v1/chat/completions"),
        ("https://h/v1beta/openai", "/v1/models", "https://h/v1beta/openai/models"),
        ("https://h/api/paas/v4", "/v1/models", "https://h/api/paas/v4/models"),
        ("https://h/anthropic", "/v1/messages", "https://h/anthropic/v1/messages"),
        ("http://[::1]:80", "/v1/models/a%2Fb", "http://[::1]:80/v1/models/a%2Fb"),
        ("http://h", "/v1", "http://h/v1"),
    ],
)
def test_paths(base: str, path: str, url: str) -> None:
    assert upstream_url(Upstream(url=base), path) == url
    assert upstream_url(Upstream(url=base), path, "a=b&c=%20") == url + "?a=b&c=%20"


def test_paths_as_told() -> None:
    assert upstream_url(Upstream(url="http://h/x", v1=False), "/v1/models") == "http://h/x/models"
    assert upstream_url(Upstream(url="http://h/v2", v1=True), "/v1/m") == "http://h/v2/v1/m"


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/../admin", "/v1/%2e%2e/admin", "/v1/%252e%252e/admin", "/v1/..%2fadmin", "/v1/."),
        *("/v1/..\\admin", "/v1/..%5cadmin", "/v2/models", "/v1models", "//evil/v1", "", "v1"),
        *("/v1/a\r\nx: y", "/v1/a%0d%0ax", "/v1/a b", "/v1/a#b", "/v1/a?b", "/v1/\0", "/v1/é"),
    ],
)
def test_paths_that_lead_elsewhere(path: str) -> None:
    with pytest.raises(ProxyError) as caught:
        upstream_url(Upstream(url="http://h"), path)
    assert caught.value.status == 400


@pytest.mark.parametrize("query", ["a b", "a\nb", "a#b", "\x7f"])
def test_queries_that_cannot_be_sent(query: str) -> None:
    with pytest.raises(ProxyError):
        upstream_url(Upstream(url="http://h"), "/v1/x", query)


@given(st.text(alphabet=st.sampled_from("/v1.%2ef5c\\@:?#a"), max_size=12), st.text(max_size=8))
@settings(deadline=None)
def test_the_host_and_the_folder_stay(path: str, query: str) -> None:
    try:
        url = upstream_url(Upstream(url="https://h.example:8/base"), f"/v1{path}", query)
    except ProxyError:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("https", "h.example:8")
    assert parts.path == f"/base/v1{path}"
