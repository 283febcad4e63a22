"""Whatever looks like a credential, or is known to be one, is hidden."""

from __future__ import annotations

import time

import pytest
from cprs_server.observe.redact import HIDDEN, Redactor

SECRET = "Zq9-very.secret_value42"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization: {}",
        "proxy-authorization: Basic {}",
        "{'authorization': 'Bearer {}', 'a': 1}",
        "(b'authorization', b'Bearer {}')",
        "[(b'x-api-key', b'{}'), (b'host', b'h')]",
        '{"api_key":"{}"}',
        "X-Api-Key={}",
        "x-cprs-key: {}",
        "x-goog-api-key : {}",
        "cookie: session={}",
        "GET /v1/models?key={}&a=1",
        "https://user:{}@host/path",
        "token Bearer {} was refused",
        "password = {}",
        'said \\"authorization\\": \\"Bearer {}\\"',
    ],
)
def test_by_its_place(text: str) -> None:
    clean = Redactor().clean(text.replace("{}", SECRET))
    assert SECRET not in clean
    assert HIDDEN in clean


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcDEF1234567890",
        "sk-ant-api03-abcdefghijklmn",
        "gsk_abcdefghijklmnop",
        "cprs-abcdefghijklmnopqrstuvwxyz0123456789",
        "AIzaSyA1234567890abcdefghijk",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_by_its_shape(secret: str) -> None:
    assert secret not in Redactor().clean(f"failed with {secret}, sorry")


def test_known_ones_anywhere() -> None:
    redactor = Redactor(["hunter2hunter", "hunter2hunter2", ""])
    assert redactor.clean("ahunter2hunter2b") == f"a{HIDDEN}b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "POST /v1/chat/completions 200",
        "model gpt-4o-2024-08-06 tokens_in=512 tokens_out=20",
        "the key 'ann' has used up its 3 requests a minute",
        "cprs/gpt-4o: no route; task-force sk-8",
        "x-ratelimit-remaining-tokens: 5",
        "request cprs-0123456789abcdef01234567",
        "https://api.example.com/v1?after_id=model_1",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert Redactor(["long-known-secret"]).clean(text) == text


@pytest.mark.parametrize(
    "part",
    ["authorization", "Bearer ", "a:", "eyJ-", "\\", "key=", "a://", "api_key ", "sk-", "a.", "?"],
)
def test_linear(part: str) -> None:
    before = time.process_time()
    Redactor(["secret-secret"]).clean(part * (200_000 // len(part)))
    assert time.process_time() - before < 1
