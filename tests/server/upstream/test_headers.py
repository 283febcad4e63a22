"""Headers go on in their order, but for those that concern one side only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from cprs_server.config.settings import Upstream
from cprs_server.upstream.headers import request_headers, response_headers
from pydantic import SecretStr


@dataclass
class There:
    api_key: SecretStr | None = None
    auth: Literal["bearer", "x-api-key", "none"] = "bearer"
    headers: Mapping[str, SecretStr] = field(default_factory=dict)


CLIENT = (
    (b"host", b"127.0.0.1:8788"),
    (b"Authorization", b"Bearer client"),
    (b"x-api-key", b"client"),
    (b"content-type", b"application/json"),
    (b"content-length", b"12"),
    (b"content-encoding", b"gzip"),
    (b"accept-encoding", b"gzip, br"),
    (b"x-tag", b"one"),
    (b"x-stainless-retry-count", b"0"),
    (b"x-tag", b"two"),
    (b"x-cprs", b"always"),
    (b"x-cprs-query", b"what"),
    (b"cookie", b"a=b"),
    (b"expect", b"100-continue"),
    (b"te", b"trailers"),
    (b"transfer-encoding", b"chunked"),
    (b"keep-alive", b"timeout=5"),
    (b"proxy-authorization", b"Basic x"),
    (b"upgrade", b"h2c"),
    (b"x-only-here", b"1"),
    (b"connection", b"close, X-Only-Here"),
    (b"anthropic-beta", "é".encode()),
)
REST = (
    (b"x-tag", b"one"),
    (b"x-stainless-retry-count", b"0"),
    (b"x-tag", b"two"),
    (b"anthropic-beta", "é".encode()),
)


def test_only_what_concerns_the_upstream() -> None:
    assert request_headers(CLIENT, There(), body=b"{}") == (
        (b"authorization", b"Bearer client"),
        (b"x-api-key", b"client"),
        (b"content-type", b"application/json"),
        (b"accept-encoding", b"gzip, br"),
        *REST,
    )


def test_without_a_body_and_as_it_came() -> None:
    assert not [p for p in request_headers(CLIENT, There(), body=None) if b"content" in p[0]]
    kept = request_headers(CLIENT, There(), body=b"..", decoded=False)
    assert (b"content-encoding", b"gzip") in kept


def test_identity_is_asked_for() -> None:
    kept = request_headers(CLIENT, There(), body=b"{}", identity=True)
    assert [value for name, value in kept if name == b"accept-encoding"] == [b"identity"]


@pytest.mark.parametrize("keep_auth", [True, False])
@pytest.mark.parametrize("auth", ["bearer", "x-api-key"])
def test_a_key_of_the_upstream_takes_the_place_of_the_clients(
    auth: Literal["bearer", "x-api-key"], keep_auth: bool
) -> None:
    kept = request_headers(
        CLIENT, There(SecretStr("theirs"), auth), body=b"{}", keep_auth=keep_auth
    )
    assert b"client" not in b" ".join(value for _, value in kept)
    said = {
        "bearer": (b"authorization", b"Bearer theirs"),
        "x-api-key": (b"x-api-key", b"theirs"),
    }
    assert said[auth] in kept
    assert len([1 for name, _ in kept if name in (b"authorization", b"x-api-key")]) == 1


@pytest.mark.parametrize(("auth", "keep_auth"), [("none", True), ("bearer", False)])
def test_no_credentials_go(auth: Literal["bearer", "none"], keep_auth: bool) -> None:
    kept = request_headers(CLIENT, There(auth=auth), body=b"{}", keep_auth=keep_auth)
    assert kept[2:] == REST
    assert "client" not in str(kept)


def test_headers_of_the_configuration_win() -> None:
    there = Upstream.model_validate(
        {"url": "https://models.example/v1", "headers": {"X-Tag": "ours", "api-version": "1"}}
    )
    kept = request_headers(CLIENT, there, body=b"{}")
    assert [pair for pair in kept if pair[0] == b"x-tag"] == [(b"x-tag", b"ours")]
    assert kept[-1] == (b"api-version", b"1")


def test_a_response_keeps_all_but_the_connection() -> None:
    came = (
        (b"date", b"now"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"connection", b"keep-alive, x-hop"),
        (b"x-hop", b"1"),
        (b"transfer-encoding", b"chunked"),
        (b"content-encoding", b"gzip"),
        (b"content-length", b"5"),
        (b"x-cprs-id", b"forged"),
        (b"x-ratelimit-limit-requests", b"9"),
    )
    ours = [(b"x-cprs-id", b"1")]
    kept = response_headers(came, ours)
    assert kept == [*came[:3], *came[6:8], came[9], *ours]
    assert (b"content-length", b"5") not in response_headers(came, same_length=False)
    limit = [(b"x-ratelimit-limit-requests", b"3")]
    assert response_headers(came, limit)[-2:] == [(b"content-length", b"5"), *limit]
