"""Files in requests: which of them hold a text that can be changed."""

from __future__ import annotations

import base64

import pytest
from cprs_server.wire.files import TextFile, read_file, write_file
from hypothesis import given
from hypothesis import strategies as st


def coded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@given(st.text())
def test_a_text_file_is_read_and_written_as_it_was(text: str) -> None:
    data = "data:text/markdown;base64," + coded(text.encode())
    file = read_file(data)
    assert file is not None
    assert file.text == text
    assert write_file(file) == data


@pytest.mark.parametrize(
    "head",
    [
        "data:text/plain;base64,",
        "data:text/csv;charset=UTF-8;base64,",
        "data:application/json;base64,",
        "data:application/ld+json;name=x.json;base64,",
        "DATA:Text/HTML;BASE64,",
        "data:;base64,",
        "data:application/octet-stream;base64,",
        "",
    ],
)
def test_texts_by_their_kind(head: str) -> None:
    assert read_file(head + coded("tëxt".encode())) == TextFile(head, "tëxt")


@pytest.mark.parametrize(
    "data",
    [
        "data:application/pdf;base64," + coded(b"%PDF-1.7"),
        "data:image/png;base64," + coded(b"text"),
        "data:text/plain;charset=latin-1;base64," + coded(b"text"),
        "data:text/plain;base64," + coded(b"\xff\xfe"),
        "data:text/plain;base64,no base64!",
        "data:text/plain,hello",
        coded(b"%PDF-1.7 all ascii"),
        coded(b"\x00\x01\x02"),
        coded(b"PK\x03\x04"),
        "https://example.com/a.txt",
    ],
)
def test_other_files_are_left_alone(data: str) -> None:
    assert read_file(data) is None


def test_broken_lines_of_base64_are_read() -> None:
    file = read_file("data:text/plain;base64,aGVs\r\nbG8=\r\n")
    assert file is not None
    assert file.text == "hello"
