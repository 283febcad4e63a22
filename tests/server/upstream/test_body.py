"""Bodies are read within their limit, whatever they are packed in."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from cprs_server.errors import ProxyError
from cprs_server.upstream.body import decoded, read_body
from cprs_server.upstream.disconnect import ClientGone
from hypothesis import given, settings
from hypothesis import strategies as st

Pack = Callable[[bytes], bytes]


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, list[Pack]] = {
    "gzip": [gzip.compress],
    "deflate": [zlib.compress, bare_deflate],
    "br": [partial(brotli.compress, quality=2)],
    "zstd": [zstandard.compress, zstandard.ZstdCompressor(write_content_size=False).compress],
}
EACH = [(coding, pack) for coding, packs in PACKERS.items() for pack in packs]


def read(
    parts: Sequence[bytes],
    *,
    limit: int = 1000,
    coding: str | None = None,
    length: int | None = None,
    gone: bool = False,
    decode: bool = True,
) -> bytes:
    headers = [] if coding is None else [(b"content-encoding", coding.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": part, "more_body": True} for part in parts
    ]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request"})
    coming = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(coming)

    return asyncio.run(read_body({"headers": headers}, receive, limit=limit, decode=decode))


def test_parts_are_joined() -> None:
    assert read([b"ab", b"", b"c"]) == b"abc"
    assert read([]) == b""
    assert read([b"a" * 1000]) == b"a" * 1000


@pytest.mark.parametrize("length", [None, 1001])
def test_too_long(length: int | None) -> None:
    with pytest.raises(ProxyError, match="1000 bytes") as caught:
        read([b"a" * 600, b"a" * 401], length=length)
    assert caught.value.status == 413


def test_a_long_body_is_not_read_on() -> None:
    with pytest.raises(ProxyError):
        read([b"a" * 600] * 2 + [b"never"], gone=True)
    with pytest.raises(ProxyError):
        read([], length=1001, gone=True)
    with pytest.raises(ClientGone):
        read([b"a"], gone=True)


@pytest.mark.parametrize(("coding", "pack"), EACH)
@given(data=st.binary(max_size=300), cut=st.integers(0, 300))
@settings(deadline=None, max_examples=25)
def test_what_was_packed_comes_out(coding: str, pack: Pack, data: bytes, cut: int) -> None:
    packed = pack(data)
    assert read([packed[:cut], packed[cut:]], coding=coding) == data
    assert read([packed], coding=coding, decode=False) == packed


def test_codings_one_in_another() -> None:
    packed = brotli.compress(gzip.compress(b"text"))
    assert read([packed], coding="gzip, br") == b"text"
    assert read([gzip.compress(b"te") + gzip.compress(b"xt")], coding="X-GZIP") == b"text"
    assert read([zstandard.compress(b"te") + zstandard.compress(b"xt")], coding="zstd") == b"text"
    assert read([b"text"], coding="identity") == b"text"
    assert read([], coding="gzip") == b""


@pytest.mark.parametrize(("coding", "pack"), EACH)
def test_bombs_do_not_go_off(coding: str, pack: Pack) -> None:
    packed = pack(b"\0" * (32 << 20))
    assert len(packed) < 1 << 17
    tracemalloc.start()
    try:
        with pytest.raises(ProxyError) as caught:
            decoded(packed, [coding], limit=1 << 20)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.status == 413
    assert most < 24 << 20


@pytest.mark.parametrize(("coding", "pack"), EACH)
def test_what_is_cut_or_wrong_is_refused(coding: str, pack: Pack) -> None:
    packed = pack(bytes(range(256)) * 3)
    for wrong in (packed[:-3], packed[: len(packed) // 2], b"\xff\xfe nothing of the kind"):
        with pytest.raises(ProxyError, match=coding) as caught:
            read([wrong], coding=coding)
        assert caught.value.status == 400


def test_very_many_small_members_are_refused() -> None:
    with pytest.raises(ProxyError, match="10000 parts"):
        decoded(gzip.compress(b"") * 10_001, ["gzip"], limit=1 << 20)


def test_a_coding_not_known() -> None:
    with pytest.raises(ProxyError, match="'lzma'") as caught:
        read([b"x"], coding="lzma")
    assert caught.value.status == 415
    assert "gzip" in caught.value.headers["accept-encoding"]
