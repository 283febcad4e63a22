"""Paths that two servers could read in two ways."""

from __future__ import annotations

import time

import pytest
from cprs_server.access.paths import wrong_path
from guarded import code, status
from hypothesis import example, given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "path",
    [
        b"/",
        b"/v1/chat/completions",
        b"/v1/models/gpt-4o",
        b"/v1/models/ft:gpt-4o-mini:org::abc",
        b"/v1/models/cprs%2Fgpt-4o",
        b"/v1/models/cprs/gpt-4o",
        b"/v1/models/claude-3.5@2024",
        b"/v1/responses/resp_123/input_items",
        b"/v1/threads/",
        b"/v1/files/a%20b",
        b"/v1/files/%E2%82%AC",
        b"/.well-known/x",
        b"/v1/x/...",
        b"/v1/100%25",
    ],
)
def test_paths_that_pass(path: bytes) -> None:
    assert wrong_path(path) is None
    assert status(path) == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/../admin",
        b"/v1/./x",
        b"/..",
        b"/v1/x/..",
        b"/v1/%2e%2e/admin",
        b"/v1/.%2E/admin",
        b"/v1/models/..%2f..%2fadmin",
        b"/v1/models/%2e%2e%2fadmin",
        b"/v1/files%2fx",
        b"/v1/files%2Fx",
        b"/v1/%252e%252e/admin",
        b"/v1/models/a%252fb",
        b"//evil.example/v1/models",
        b"/v1//models",
        b"/v1/models/%2fetc",
        b"/v1/..;/admin",
        b"/v1/..;a=b/admin",
        b"/v1\\..\\admin",
        b"/v1/%5c..%5cadmin",
        b"/v1/%00",
        b"/v1/%0d%0aX: y",
        b"/v1/%0d%0aset-cookie:x",
        b"/v1/%c0%ae%c0%ae/admin",
        b"/v1/%",
        b"/v1/%zz",
        b"/v1/x#y",
        b"/v1/\xc3\xa9",
        b"/v1/a b",
        b"http://evil.example/v1/models",
        b"evil.example:443",
        b"*",
    ],
)
def test_paths_that_do_not(path: bytes) -> None:
    assert status(path) == 400
    assert code(path) == "invalid_path"


SEGMENTS = st.lists(
    st.sampled_from(
        [b"v1", b"..", b".", b"%2e", b"%2E", b"%2f", b"%5C", b"", b"a", b";", b"%25", b"2e", b"\\"]
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=300)
@given(st.lists(SEGMENTS.map(b"".join), min_size=1, max_size=6), st.integers(1, 3))
@example([b"v1", b"models", b"%2e%2e%2f"], 1)
def test_no_passing_path_leads_up_however_often_it_is_decoded(
    parts: list[bytes], times: int
) -> None:
    from urllib.parse import unquote_to_bytes

    path = b"/" + b"/".join(parts)
    if wrong_path(path) is not None:
        return
    for _ in range(times):
        path = unquote_to_bytes(path)
        segments = path.replace(b"\\", b"/").split(b"/")
        assert not {b".", b".."} & {part.partition(b";")[0] for part in segments}


def test_a_long_path_takes_no_long() -> None:
    before = time.perf_counter()
    for path in (b"/" + b"a" * 60_000 + b"%", b"/a" * 30_000 + b"/..", b"/a." * 20_000 + b"\x00"):
        wrong_path(path)
    assert time.perf_counter() - before < 1.0
